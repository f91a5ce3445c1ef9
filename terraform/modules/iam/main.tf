# A role for each workload, with what it calls and no more (policies.tf), assumed by one service account.

locals {
  # No pod runs as the service account of the External Secrets Operator: the operator asks for that account's token and
  # takes the role of its annotation, which is IRSA (https://external-secrets.io/latest/provider/aws-access/).
  by_pod_identity = { for role, account in var.service_accounts : role => account if var.identity_mode == "pod_identity" && role != "external-secrets" }

  issuer  = replace(var.oidc_issuer_url, "https://", "")
  subject = { for role, account in var.service_accounts : role => "system:serviceaccount:${account.namespace}:${account.name}" }

  # https://docs.aws.amazon.com/eks/latest/userguide/associate-service-account-role.html
  irsa_trust = {
    for role in keys(var.service_accounts) : role => {
      Effect    = "Allow"
      Principal = { Federated = var.oidc_provider_arn }
      Action    = ["sts:AssumeRoleWithWebIdentity"]
      Condition = {
        StringEquals = {
          "${local.issuer}:aud" = "sts.amazonaws.com"
          "${local.issuer}:sub" = local.subject[role]
        }
      }
    }
  }

  # https://docs.aws.amazon.com/eks/latest/userguide/pod-id-role.html
  pod_identity_trust = {
    for role, account in var.service_accounts : role => {
      Effect    = "Allow"
      Principal = { Service = "pods.eks.amazonaws.com" }
      Action    = ["sts:AssumeRole", "sts:TagSession"]
      Condition = {
        StringEquals = {
          "aws:SourceAccount"                         = var.account_id
          "aws:RequestTag/eks-cluster-name"           = var.cluster_name
          "aws:RequestTag/kubernetes-namespace"       = account.namespace
          "aws:RequestTag/kubernetes-service-account" = account.name
        }
      }
    }
  }
}

resource "aws_iam_role" "workload" {
  for_each             = var.service_accounts
  name                 = "${var.name}-${each.key}"
  description          = "CALI: assumed by the service account ${each.value.namespace}/${each.value.name}."
  permissions_boundary = var.permissions_boundary_arn
  max_session_duration = 3600
  tags                 = var.tags
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [jsondecode(contains(keys(local.by_pod_identity), each.key) ? jsonencode(local.pod_identity_trust[each.key]) : jsonencode(local.irsa_trust[each.key]))]
  })
}

resource "aws_iam_role_policy" "workload" {
  for_each = local.policies
  name     = "what-it-calls"
  role     = aws_iam_role.workload[each.key].id
  policy   = jsonencode({ Version = "2012-10-17", Statement = each.value })
}

resource "aws_eks_pod_identity_association" "workload" {
  for_each        = local.by_pod_identity
  cluster_name    = var.cluster_name
  namespace       = each.value.namespace
  service_account = each.value.name
  role_arn        = aws_iam_role.workload[each.key].arn
  tags            = var.tags
}
