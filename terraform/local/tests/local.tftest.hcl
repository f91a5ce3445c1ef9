mock_provider "aws" {
  mock_resource "aws_kms_key" {
    defaults = { arn = "arn:aws:kms:us-east-1:000000000000:key/11111111-1111-1111-1111-111111111111" }
  }
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::000000000000:role/cali-local-one" }
  }
  mock_resource "aws_kinesis_stream" {
    defaults = { arn = "arn:aws:kinesis:us-east-1:000000000000:stream/cali-log-stream" }
  }
  mock_resource "aws_s3_bucket" {
    defaults = { arn = "arn:aws:s3:::cali-logs" }
  }
  mock_resource "aws_secretsmanager_secret" {
    defaults = { arn = "arn:aws:secretsmanager:us-east-1:000000000000:secret:cali/local/one-AbCdEf" }
  }
}

run "names_of_the_first_day" {
  assert {
    condition     = module.kinesis.name == "cali-log-stream" && output.bucket == "cali-logs"
    error_message = "Stream and bucket have CALI's own names."
  }
}

run "refuses_the_real_cloud" {
  command = plan
  variables {
    endpoint = "https://kinesis.us-east-1.amazonaws.com"
  }
  expect_failures = [var.endpoint]
}
