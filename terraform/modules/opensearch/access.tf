# Who reaches the domain at all (the access policy), and who is its master. What a role may do inside is mapped once by
# the master: README.md and the output `role` and `role_mapping`.

resource "aws_iam_role" "admin" {
  name                 = "${var.name}-search-admin"
  description          = "CALI: master of the search domain, for people."
  max_session_duration = 3600
  tags                 = var.tags
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { AWS = var.admin_principal_arns }
      Action    = "sts:AssumeRole"
    }]
  })
}

resource "aws_opensearch_domain_policy" "this" {
  domain_name = aws_opensearch_domain.this.domain_name
  access_policies = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "Master"
        Effect    = "Allow"
        Principal = { AWS = [aws_iam_role.admin.arn] }
        Action    = ["es:ESHttpDelete", "es:ESHttpGet", "es:ESHttpHead", "es:ESHttpPatch", "es:ESHttpPost", "es:ESHttpPut"]
        Resource  = "${local.domain}/*"
      },
      {
        # The paths are in the role's own policy (module iam), which has to allow them as well as its mapping does.
        Sid       = "Clients"
        Effect    = "Deny"
        Principal = "*"
        Action    = ["es:ESHttpDelete", "es:ESHttpGet", "es:ESHttpHead", "es:ESHttpPatch", "es:ESHttpPost", "es:ESHttpPut"]
        Resource  = "${local.domain}/*"
        Condition = {
          ArnNotEquals = { "aws:PrincipalArn" = concat([aws_iam_role.admin.arn], var.client_role_arns) }
        }
      },
    ]
  })
}

locals {
  # Names of the plugin: https://docs.opensearch.org/latest/security/access-control/permissions/
  role = {
    cluster_permissions = [
      "cluster:monitor/main",
      "indices:data/write/bulk",
      "indices:admin/index_template/put",
      "indices:data/read/scroll",
      "indices:data/read/scroll/clear",
      "cluster:admin/opendistro/ism/policy/get",
      "cluster:admin/opendistro/ism/policy/write",
    ]
    index_permissions = [{
      index_patterns  = ["${var.index_prefix}-logs-*", "${var.index_prefix}-alerts-*", ".ds-${var.index_prefix}-logs-*"]
      allowed_actions = ["create_index", "write", "read", "indices:admin/mapping/put", "indices:admin/refresh", "indices:admin/auto_create"]
    }]
  }
}
