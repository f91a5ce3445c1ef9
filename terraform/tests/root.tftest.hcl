# The whole of an environment, with every resource mocked.

mock_provider "aws" {
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
  mock_resource "aws_kms_key" {
    defaults = { arn = "arn:aws:kms:ap-northeast-2:123456789012:key/11111111-1111-1111-1111-111111111111" }
  }
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/cali-test-one" }
  }
  mock_resource "aws_cloudwatch_log_group" {
    defaults = { arn = "arn:aws:logs:ap-northeast-2:123456789012:log-group:/aws/one" }
  }
  mock_resource "aws_kinesis_stream" {
    defaults = { arn = "arn:aws:kinesis:ap-northeast-2:123456789012:stream/cali-log-stream" }
  }
  mock_resource "aws_s3_bucket" {
    defaults = { arn = "arn:aws:s3:::cali-test-logs-123456789012" }
  }
  mock_resource "aws_secretsmanager_secret" {
    defaults = { arn = "arn:aws:secretsmanager:ap-northeast-2:123456789012:secret:cali/test/one-AbCdEf" }
  }
  mock_resource "aws_iam_openid_connect_provider" {
    defaults = { arn = "arn:aws:iam::123456789012:oidc-provider/oidc.eks.ap-northeast-2.amazonaws.com/id/ABC" }
  }
  mock_resource "aws_launch_template" {
    defaults = { id = "lt-0123456789abcdef0", latest_version = 1 }
  }
  mock_resource "aws_eks_cluster" {
    defaults = { identity = [{ oidc = [{ issuer = "https://oidc.eks.ap-northeast-2.amazonaws.com/id/ABC" }] }] }
  }
  mock_resource "aws_opensearch_domain" {
    defaults = {
      arn      = "arn:aws:es:ap-northeast-2:123456789012:domain/cali-test"
      endpoint = "vpc-cali-test-abc.ap-northeast-2.es.amazonaws.com"
    }
  }
}

variables {
  environment          = "test"
  account_id           = "123456789012"
  region               = "ap-northeast-2"
  availability_zones   = ["ap-northeast-2a", "ap-northeast-2b", "ap-northeast-2c"]
  admin_principal_arns = ["arn:aws:iam::123456789012:role/platform"]
}

run "all_of_it" {
  assert {
    condition     = keys(module.key) == ["bucket", "platform", "secrets", "stream"]
    error_message = "A key for each group of readers."
  }
  assert {
    condition     = strcontains(output.k8s_env, "CALI_OPENSEARCH__URL=https://vpc-cali-test-abc.ap-northeast-2.es.amazonaws.com\n")
    error_message = "The domain's address must reach the settings."
  }
  assert {
    condition     = keys(output.role_arns) == ["archive-jobs", "dataflow", "external-secrets", "fluent-bit"]
    error_message = "Each workload has its role."
  }
  assert {
    condition     = output.bucket == "cali-test-logs-123456789012"
    error_message = "The bucket is named by environment and account."
  }
}

run "pod_identity_leaves_the_operators_role_alone" {
  variables {
    identity_mode = "pod_identity"
  }

  assert {
    condition     = yamldecode(output.k8s_overlay).components == ["../../components/pod-identity"] && [for patch in yamldecode(output.k8s_overlay).patches : patch.target.name if patch.target.kind == "ServiceAccount"] == ["cali-secrets"]
    error_message = "With Pod Identity only the External Secrets Operator's service account names a role."
  }
}

run "refuses_a_production_that_can_be_destroyed" {
  command = plan
  variables {
    environment = "prod"
    destroyable = true
  }
  expect_failures = [var.destroyable]
}

run "refuses_a_zone_of_another_region" {
  command = plan
  variables {
    availability_zones = ["ap-northeast-2a", "us-east-1a"]
  }
  expect_failures = [var.availability_zones]
}
