# One environment of CALI. Who may decrypt what is the reason for four keys: see README.md.

data "aws_partition" "current" {}

locals {
  name = "cali-${var.environment}"

  keys = {
    stream   = "records on the stream: Fluent Bit encrypts, the dataflow decrypts"
    bucket   = "archive and dead letters: the dataflow and Airflow"
    secrets  = "tokens: the External Secrets Operator decrypts"
    platform = "what AWS services keep for us: search disks, image layers, cluster secrets, log groups; no workload uses it"
  }
}

module "key" {
  source   = "./modules/kms"
  for_each = local.keys

  name                 = "${local.name}-${each.key}"
  description          = "CALI ${var.environment}: ${each.value}."
  account_id           = var.account_id
  partition            = data.aws_partition.current.partition
  region               = var.region
  for_log_groups       = each.key == "platform"
  deletion_window_days = var.destroyable ? 7 : 30
}

module "vpc" {
  source = "./modules/vpc"

  name                = local.name
  cidr                = var.vpc_cidr
  availability_zones  = var.availability_zones
  nat_per_zone        = var.nat_per_zone
  interface_endpoints = var.interface_endpoints
  log_key_arn         = module.key["platform"].arn
  log_retention_days  = var.log_retention_days
  account_id          = var.account_id
  region              = var.region
}

module "eks" {
  source = "./modules/eks"

  name                 = local.name
  kubernetes_version   = var.kubernetes_version
  subnet_ids           = module.vpc.private_subnet_ids
  endpoint_cidrs       = var.cluster_endpoint_cidrs
  admin_principal_arns = var.admin_principal_arns
  instance_types       = var.node_instance_types
  nodes_per_zone       = var.nodes_per_zone
  kms_key_arn          = module.key["platform"].arn
  log_retention_days   = var.log_retention_days
  partition            = data.aws_partition.current.partition
}

module "kinesis" {
  source = "./modules/kinesis"

  name            = var.stream_name
  mode            = var.stream_shards == null ? "ON_DEMAND" : "PROVISIONED"
  shard_count     = var.stream_shards
  retention_hours = var.stream_retention_hours
  kms_key_arn     = module.key["stream"].arn
  region          = var.region
  account_id      = var.account_id

  firehose = !var.firehose ? null : {
    bucket_arn         = module.s3.arn
    bucket_kms_key_arn = module.key["bucket"].arn
  }
}

module "s3" {
  source = "./modules/s3"

  name             = coalesce(var.bucket_name, "${local.name}-logs-${var.account_id}")
  kms_key_arn      = module.key["bucket"].arn
  archive_days     = var.archive_days
  object_lock_days = var.object_lock_days
  force_destroy    = var.destroyable
}

module "opensearch" {
  source = "./modules/opensearch"

  name                       = local.name
  vpc_id                     = module.vpc.id
  subnet_ids                 = values(module.vpc.private_subnet_ids)
  client_security_group_ids  = [module.eks.security_group_id]
  client_role_arns           = [module.iam.role_arns["dataflow"]]
  admin_principal_arns       = var.admin_principal_arns
  instance_type              = var.opensearch_instance_type
  instance_count             = var.opensearch_instance_count
  master_type                = var.opensearch_master_type
  volume_gb                  = var.opensearch_volume_gb
  create_service_linked_role = var.opensearch_create_service_linked_role
  kms_key_arn                = module.key["platform"].arn
  log_key_arn                = module.key["platform"].arn
  log_retention_days         = var.log_retention_days
  account_id                 = var.account_id
  region                     = var.region
  partition                  = data.aws_partition.current.partition
}

module "ecr" {
  source = "./modules/ecr"

  repositories = var.repositories
  kms_key_arn  = module.key["platform"].arn
  force_delete = var.destroyable
}

module "secrets" {
  source = "./modules/secrets"

  prefix               = "cali/${var.environment}"
  kms_key_arn          = module.key["secrets"].arn
  account_id           = var.account_id
  recovery_window_days = var.destroyable ? 0 : 30
}

module "iam" {
  source = "./modules/iam"

  name                     = local.name
  identity_mode            = var.identity_mode
  oidc_provider_arn        = module.eks.oidc_provider_arn
  oidc_issuer_url          = module.eks.oidc_issuer_url
  cluster_name             = module.eks.name
  account_id               = var.account_id
  region                   = var.region
  permissions_boundary_arn = var.permissions_boundary_arn
  stream_arn               = module.kinesis.arn
  stream_key_arn           = module.key["stream"].arn
  bucket_arn               = module.s3.arn
  bucket_key_arn           = module.key["bucket"].arn
  domain_arn               = module.opensearch.arn
  secret_arns              = module.secrets.arns
  secrets_key_arn          = module.key["secrets"].arn

  github = var.github == null ? null : {
    oidc_provider_arn = var.github.oidc_provider_arn
    subjects          = var.github.subjects
    repository_arns   = values(module.ecr.arns)
  }
}
