mock_provider "aws" {
  mock_resource "aws_secretsmanager_secret" {
    defaults = { arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:cali/test/one-AbCdEf" }
  }
}

variables {
  prefix      = "cali/test"
  kms_key_arn = "arn:aws:kms:eu-central-1:123456789012:key/33333333-3333-3333-3333-333333333333"
  account_id  = "123456789012"
}

run "named_and_encrypted" {
  assert {
    condition     = output.names.slack == "cali/test/slack"
    error_message = "A secret's name is its prefix and its own."
  }
  assert {
    condition     = alltrue([for secret in aws_secretsmanager_secret.this : secret.kms_key_id == var.kms_key_arn])
    error_message = "Every secret must be encrypted with the given key."
  }
  assert {
    condition     = alltrue([for policy in aws_secretsmanager_secret_policy.this : policy.block_public_policy])
    error_message = "No policy may make a secret public."
  }
}

run "refuses_a_leading_slash" {
  command = plan
  variables {
    prefix = "/cali"
  }
  expect_failures = [var.prefix]
}

run "refuses_a_window_aws_does_not_know" {
  command = plan
  variables {
    recovery_window_days = 3
  }
  expect_failures = [var.recovery_window_days]
}
