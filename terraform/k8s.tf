# What Kubernetes has to know, as text: writing files is not Terraform's part here (README.md, "To Kubernetes").

locals {
  env = {
    AWS_REGION               = var.region
    CALI_KINESIS__STREAM     = module.kinesis.name
    CALI_S3__BUCKET          = module.s3.name
    CALI_S3__BUCKET_OWNER    = var.account_id
    CALI_OPENSEARCH__URL     = module.opensearch.url
    CALI_OPENSEARCH__AUTH    = "sigv4"
    CALI_OPENSEARCH__REGION  = var.region
    CALI_OPENSEARCH__SERVICE = "es"
  }

  shipper = {
    AWS_REGION           = var.region
    CALI_KINESIS__STREAM = module.kinesis.name
    CALI_CLUSTER         = module.eks.name
  }

  # Service accounts of k8s/ and the role of each.
  accounts = { "cali" = "dataflow", "cali-secrets" = "external-secrets", "cali-fluent-bit" = "fluent-bit" }

  # The image as k8s/overlays name it before it is replaced.
  placeholder = "123456789012.dkr.ecr.ap-northeast-2.amazonaws.com/cali"

  # A layer over k8s/overlays/<environment>, to lie beside it (kustomize takes no folder that contains the one it starts
  # from): whatever stands there as a placeholder is replaced.
  overlay = merge({
    apiVersion = "kustomize.config.k8s.io/v1beta1"
    kind       = "Kustomization"
    resources  = ["../${var.environment}"]
    images     = [for name, url in module.ecr.urls : { name = local.placeholder, newName = url } if name == "cali"]
    configMapGenerator = [
      { name = "cali-settings", namespace = "cali", behavior = "merge", literals = [for name, value in local.env : "${name}=${value}"] },
      { name = "cali-shipper-settings", namespace = "cali-shipper", behavior = "merge", literals = [for name, value in local.shipper : "${name}=${value}"] },
    ]
    patches = concat(
      [{
        target = { kind = "SecretStore", name = "cali" }
        patch  = yamlencode([{ op = "replace", path = "/spec/provider/aws/region", value = var.region }])
      }],
      [for account, role in local.accounts : {
        target = { kind = "ServiceAccount", name = account }
        patch  = yamlencode([{ op = "add", path = "/metadata/annotations/eks.amazonaws.com~1role-arn", value = module.iam.role_arns[role] }])
      } if var.identity_mode == "irsa" || role == "external-secrets"],
    )
  }, var.identity_mode == "irsa" ? {} : { components = ["../../components/pod-identity"] })
}

output "k8s_env" {
  description = "Settings of the dataflow, a line each: for a `.env` or a ConfigMap."
  value       = join("", [for name, value in local.env : "${name}=${value}\n"])
}

output "k8s_overlay" {
  description = "kustomization.yaml of k8s/overlays/<environment>-generated: settings, roles, image and region over the overlay's placeholders."
  value       = "# Made by: terraform output -raw k8s_overlay\n${yamlencode(local.overlay)}"
}
