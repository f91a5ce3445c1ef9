# A developer's first day: the stream, the bucket, the secrets and the roles as in the cloud, in LocalStack or moto.
# There is no cluster and no search domain: emulators never finish those.

locals {
  name = "cali-local"
}

module "key" {
  source   = "../modules/kms"
  for_each = toset(["stream", "bucket", "secrets"])

  name        = "${local.name}-${each.key}"
  description = "CALI, local: ${each.key}."
  account_id  = var.account_id
  region      = var.region
}

module "kinesis" {
  source = "../modules/kinesis"

  name            = var.stream
  mode            = "PROVISIONED"
  shard_count     = var.shard_count
  retention_hours = 24
  kms_key_arn     = module.key["stream"].arn
  region          = var.region
  account_id      = var.account_id
}

module "s3" {
  source = "../modules/s3"

  name          = var.bucket
  kms_key_arn   = module.key["bucket"].arn
  force_destroy = true
  require_tls   = var.require_tls
}

module "secrets" {
  source = "../modules/secrets"

  prefix               = "cali/local"
  kms_key_arn          = module.key["secrets"].arn
  account_id           = var.account_id
  recovery_window_days = 0
}

module "iam" {
  source = "../modules/iam"

  name              = local.name
  account_id        = var.account_id
  region            = var.region
  oidc_provider_arn = "arn:aws:iam::${var.account_id}:oidc-provider/oidc.eks.${var.region}.amazonaws.com/id/LOCAL"
  oidc_issuer_url   = "https://oidc.eks.${var.region}.amazonaws.com/id/LOCAL"
  stream_arn        = module.kinesis.arn
  stream_key_arn    = module.key["stream"].arn
  bucket_arn        = module.s3.arn
  bucket_key_arn    = module.key["bucket"].arn
  secret_arns       = module.secrets.arns
  secrets_key_arn   = module.key["secrets"].arn
}
