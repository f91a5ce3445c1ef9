mock_provider "aws" {
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/cali-test-search-admin" }
  }
  mock_resource "aws_cloudwatch_log_group" {
    defaults = { arn = "arn:aws:logs:eu-central-1:123456789012:log-group:/aws/opensearch/cali-test/audit_logs" }
  }
  mock_resource "aws_opensearch_domain" {
    defaults = {
      arn      = "arn:aws:es:eu-central-1:123456789012:domain/cali-test"
      endpoint = "vpc-cali-test-abc.eu-central-1.es.amazonaws.com"
    }
  }
}

variables {
  name                      = "cali-test"
  vpc_id                    = "vpc-1"
  subnet_ids                = ["subnet-1", "subnet-2", "subnet-3"]
  client_security_group_ids = ["sg-1"]
  client_role_arns          = ["arn:aws:iam::123456789012:role/cali-test-dataflow"]
  admin_principal_arns      = ["arn:aws:iam::123456789012:role/platform"]
  kms_key_arn               = "arn:aws:kms:eu-central-1:123456789012:key/44444444-4444-4444-4444-444444444444"
  log_key_arn               = "arn:aws:kms:eu-central-1:123456789012:key/44444444-4444-4444-4444-444444444444"
  account_id                = "123456789012"
  region                    = "eu-central-1"
}

run "encrypted_everywhere" {
  assert {
    condition     = aws_opensearch_domain.this.encrypt_at_rest[0].kms_key_id == var.kms_key_arn && aws_opensearch_domain.this.node_to_node_encryption[0].enabled
    error_message = "Disks and traffic between nodes must be encrypted."
  }
  assert {
    condition     = aws_opensearch_domain.this.domain_endpoint_options[0].enforce_https && aws_opensearch_domain.this.domain_endpoint_options[0].tls_security_policy == "Policy-Min-TLS-1-2-PFS-2023-10"
    error_message = "Only HTTPS, TLS 1.2 and later."
  }
}

run "audited" {
  assert {
    condition     = contains([for options in aws_opensearch_domain.this.log_publishing_options : options.log_type if options.enabled], "AUDIT_LOGS")
    error_message = "Who did what must be recorded."
  }
}

run "fine_grained_access_without_passwords" {
  assert {
    condition     = aws_opensearch_domain.this.advanced_security_options[0].enabled && !aws_opensearch_domain.this.advanced_security_options[0].internal_user_database_enabled
    error_message = "Fine-grained access control must be on, internal users off."
  }
  assert {
    condition     = aws_opensearch_domain.this.advanced_security_options[0].master_user_options[0].master_user_arn == output.admin_role_arn
    error_message = "The master is the role that people assume."
  }
  assert {
    condition     = [for statement in jsondecode(aws_opensearch_domain_policy.this.access_policies).Statement : sort(statement.Condition.ArnNotEquals["aws:PrincipalArn"]) if statement.Effect == "Deny"] == [sort(["arn:aws:iam::123456789012:role/cali-test-search-admin", "arn:aws:iam::123456789012:role/cali-test-dataflow"])]
    error_message = "All but the named roles must be denied."
  }
}

run "inside_the_vpc_over_its_zones" {
  assert {
    condition     = length(aws_opensearch_domain.this.vpc_options[0].subnet_ids) == 3 && aws_opensearch_domain.this.cluster_config[0].zone_awareness_enabled
    error_message = "Nodes must be spread over the zones."
  }
  assert {
    condition     = one(aws_vpc_security_group_ingress_rule.https).from_port == 443 && one(aws_vpc_security_group_ingress_rule.https).referenced_security_group_id == "sg-1"
    error_message = "Only the cluster, only 443."
  }
}

run "one_zone" {
  command = plan
  variables {
    subnet_ids     = ["subnet-1"]
    instance_count = 1
  }

  assert {
    condition     = !aws_opensearch_domain.this.cluster_config[0].zone_awareness_enabled
    error_message = "One subnet is one zone."
  }
}

run "refuses_nodes_that_do_not_spread" {
  command = plan
  variables {
    instance_count = 2
  }
  expect_failures = [aws_opensearch_domain.this]
}

run "refuses_everybody_as_master" {
  command = plan
  variables {
    admin_principal_arns = ["*"]
  }
  expect_failures = [var.admin_principal_arns]
}
