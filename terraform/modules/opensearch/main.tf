# The search domain: inside the VPC, encrypted, with fine-grained access control whose master is an IAM role.

locals {
  zones     = min(length(var.subnet_ids), 3)
  log_types = toset(["AUDIT_LOGS", "ES_APPLICATION_LOGS", "INDEX_SLOW_LOGS", "SEARCH_SLOW_LOGS"])
  domain    = "arn:${var.partition}:es:${var.region}:${var.account_id}:domain/${var.name}"
}

resource "aws_security_group" "this" {
  name_prefix = "${var.name}-search-"
  description = "CALI: HTTPS to the search domain."
  vpc_id      = var.vpc_id
  tags        = merge(var.tags, { Name = "${var.name}-search" })

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_vpc_security_group_ingress_rule" "https" {
  count                        = length(var.client_security_group_ids)
  security_group_id            = aws_security_group.this.id
  referenced_security_group_id = var.client_security_group_ids[count.index]
  description                  = "HTTPS from the cluster."
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
  tags                         = var.tags
}

resource "aws_cloudwatch_log_group" "this" {
  for_each          = local.log_types
  name              = "/aws/opensearch/${var.name}/${lower(each.key)}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.log_key_arn
  tags              = var.tags
}

resource "aws_cloudwatch_log_resource_policy" "this" {
  policy_name = "${var.name}-search-logs"
  policy_document = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "es.amazonaws.com" }
      Action    = ["logs:CreateLogStream", "logs:PutLogEvents"]
      Resource  = [for group in aws_cloudwatch_log_group.this : "${group.arn}:*"]
      Condition = {
        StringEquals = { "aws:SourceAccount" = var.account_id }
        ArnLike      = { "aws:SourceArn" = local.domain }
      }
    }]
  })
}

# One an account and region; a second one is an error, hence the switch.
resource "aws_iam_service_linked_role" "this" {
  count            = var.create_service_linked_role ? 1 : 0
  aws_service_name = "opensearchservice.amazonaws.com"
}

resource "aws_opensearch_domain" "this" {
  #checkov:skip=CKV_AWS_317:The audit log is on: it is in the dynamic block below, which the check does not unfold. A test asserts it.
  #checkov:skip=CKV2_AWS_59:Dedicated masters cost more than the data nodes of a small domain; master_type switches them on.
  domain_name    = var.name
  engine_version = var.engine_version
  tags           = var.tags

  cluster_config {
    instance_type            = var.instance_type
    instance_count           = var.instance_count
    zone_awareness_enabled   = local.zones > 1
    dedicated_master_enabled = var.master_type != null
    dedicated_master_type    = var.master_type
    dedicated_master_count   = var.master_type == null ? null : 3

    dynamic "zone_awareness_config" {
      for_each = local.zones > 1 ? [local.zones] : []

      content {
        availability_zone_count = zone_awareness_config.value
      }
    }
  }

  ebs_options {
    ebs_enabled = true
    volume_type = "gp3"
    volume_size = var.volume_gb
  }

  vpc_options {
    subnet_ids         = slice(var.subnet_ids, 0, local.zones)
    security_group_ids = [aws_security_group.this.id]
  }

  encrypt_at_rest {
    enabled    = true
    kms_key_id = var.kms_key_arn
  }

  node_to_node_encryption {
    enabled = true
  }

  domain_endpoint_options {
    enforce_https       = true
    tls_security_policy = "Policy-Min-TLS-1-2-PFS-2023-10"
  }

  advanced_security_options {
    enabled                        = true
    internal_user_database_enabled = false

    master_user_options {
      master_user_arn = aws_iam_role.admin.arn
    }
  }

  # CALI names the index of each document within a bulk call.
  advanced_options = {
    "rest.action.multi.allow_explicit_index" = "true"
  }

  dynamic "log_publishing_options" {
    for_each = aws_cloudwatch_log_group.this

    content {
      enabled                  = true
      log_type                 = log_publishing_options.key
      cloudwatch_log_group_arn = log_publishing_options.value.arn
    }
  }

  software_update_options {
    auto_software_update_enabled = true
  }

  depends_on = [aws_cloudwatch_log_resource_policy.this, aws_iam_service_linked_role.this]

  lifecycle {
    precondition {
      condition     = var.instance_count % local.zones == 0
      error_message = "instance_count (${var.instance_count}) must be a multiple of the zones used (${local.zones})."
    }
  }
}
