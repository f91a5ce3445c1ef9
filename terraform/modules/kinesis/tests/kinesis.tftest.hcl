mock_provider "aws" {
  mock_resource "aws_kinesis_stream" {
    defaults = { arn = "arn:aws:kinesis:eu-central-1:123456789012:stream/cali-log-stream" }
  }
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/cali-log-stream-firehose" }
  }
}

variables {
  kms_key_arn = "arn:aws:kms:eu-central-1:123456789012:key/11111111-1111-1111-1111-111111111111"
  region      = "eu-central-1"
  account_id  = "123456789012"
}

run "encrypted_and_on_demand_by_default" {
  command = plan

  assert {
    condition     = aws_kinesis_stream.this.name == "cali-log-stream" && one(aws_kinesis_stream.this.stream_mode_details).stream_mode == "ON_DEMAND"
    error_message = "The default is an on-demand stream named cali-log-stream."
  }
  assert {
    condition     = aws_kinesis_stream.this.encryption_type == "KMS" && aws_kinesis_stream.this.kms_key_id == var.kms_key_arn
    error_message = "Records must be encrypted with the given key."
  }
  assert {
    condition     = length(aws_kinesis_firehose_delivery_stream.this) == 0 && length(aws_iam_role.firehose) == 0
    error_message = "Without firehose there is neither a delivery stream nor its role."
  }
}

run "provisioned" {
  command = plan
  variables {
    mode        = "PROVISIONED"
    shard_count = 4
  }

  assert {
    condition     = aws_kinesis_stream.this.shard_count == 4
    error_message = "A provisioned stream has the shards asked for."
  }
}

run "firehose_writes_below_its_prefix_only" {
  variables {
    firehose = {
      bucket_arn         = "arn:aws:s3:::cali-logs-test"
      bucket_kms_key_arn = "arn:aws:kms:eu-central-1:123456789012:key/22222222-2222-2222-2222-222222222222"
    }
  }

  assert {
    condition     = [for statement in jsondecode(aws_iam_role_policy.firehose["this"].policy).Statement : statement.Resource if statement.Sid == "WriteBelowItsPrefix"] == ["arn:aws:s3:::cali-logs-test/firehose/*"]
    error_message = "Firehose may write below firehose/ and nowhere else."
  }
  assert {
    condition     = aws_kinesis_firehose_delivery_stream.this["this"].extended_s3_configuration[0].kms_key_arn == var.firehose.bucket_kms_key_arn
    error_message = "The copy must be encrypted with the bucket's key."
  }
}

run "refuses_provisioned_without_shards" {
  command = plan
  variables {
    mode = "PROVISIONED"
  }
  expect_failures = [var.shard_count]
}

run "refuses_too_short_a_retention" {
  command = plan
  variables {
    retention_hours = 12
  }
  expect_failures = [var.retention_hours]
}
