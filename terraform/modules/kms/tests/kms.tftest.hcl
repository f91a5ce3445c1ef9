mock_provider "aws" {}

variables {
  name        = "cali-test-stream"
  description = "Records on the stream."
  account_id  = "123456789012"
  region      = "eu-central-1"
}

run "rotates_and_delegates_to_iam" {
  command = plan

  assert {
    condition     = aws_kms_key.this.enable_key_rotation
    error_message = "The key must rotate."
  }
  assert {
    condition     = [for statement in jsondecode(aws_kms_key.this.policy).Statement : statement.Principal] == [{ AWS = "arn:aws:iam::123456789012:root" }]
    error_message = "Nobody but the account may stand in the policy."
  }
}

run "log_groups_of_the_account_only" {
  command = plan
  variables {
    for_log_groups = true
  }

  assert {
    condition     = jsondecode(aws_kms_key.this.policy).Statement[1].Principal.Service == "logs.eu-central-1.amazonaws.com"
    error_message = "CloudWatch Logs must be the second principal."
  }
  assert {
    condition     = jsondecode(aws_kms_key.this.policy).Statement[1].Condition.ArnLike["kms:EncryptionContext:aws:logs:arn"] == "arn:aws:logs:eu-central-1:123456789012:log-group:*"
    error_message = "Only log groups of this account."
  }
}

run "refuses_what_is_no_account" {
  command = plan
  variables {
    account_id = "12345"
  }
  expect_failures = [var.account_id]
}
