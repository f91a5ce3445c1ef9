# A second copy of the stream in S3 that does not depend on CALI. Off by default: CALI archives every record itself.

locals {
  firehose = var.firehose == null ? {} : { this = var.firehose }
  trust = {
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "firehose.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "aws:SourceAccount" = var.account_id } }
    }]
  }
}

resource "aws_iam_role" "firehose" {
  for_each           = local.firehose
  name               = "${var.name}-firehose"
  description        = "Copies ${var.name} to S3."
  assume_role_policy = jsonencode(local.trust)
  tags               = var.tags
}

# https://docs.aws.amazon.com/firehose/latest/dev/controlling-access.html#using-iam-s3
resource "aws_iam_role_policy" "firehose" {
  for_each = local.firehose
  name     = "copy"
  role     = aws_iam_role.firehose[each.key].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "ReadTheStream"
        Effect   = "Allow"
        Action   = ["kinesis:DescribeStream", "kinesis:GetShardIterator", "kinesis:GetRecords", "kinesis:ListShards"]
        Resource = aws_kinesis_stream.this.arn
      },
      {
        Sid       = "DecryptTheStream"
        Effect    = "Allow"
        Action    = "kms:Decrypt"
        Resource  = var.kms_key_arn
        Condition = { StringEquals = { "kms:ViaService" = "kinesis.${var.region}.amazonaws.com" } }
      },
      {
        Sid      = "WriteBelowItsPrefix"
        Effect   = "Allow"
        Action   = ["s3:PutObject", "s3:AbortMultipartUpload"]
        Resource = "${each.value.bucket_arn}/${each.value.prefix}*"
      },
      {
        Sid      = "SeeTheBucket"
        Effect   = "Allow"
        Action   = ["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"]
        Resource = each.value.bucket_arn
      },
      {
        Sid       = "EncryptObjects"
        Effect    = "Allow"
        Action    = ["kms:GenerateDataKey", "kms:Decrypt"]
        Resource  = each.value.bucket_kms_key_arn
        Condition = { StringEquals = { "kms:ViaService" = "s3.${var.region}.amazonaws.com" } }
      },
    ]
  })
}

resource "aws_kinesis_firehose_delivery_stream" "this" {
  for_each    = local.firehose
  name        = "${var.name}-copy"
  destination = "extended_s3"
  tags        = var.tags

  kinesis_source_configuration {
    kinesis_stream_arn = aws_kinesis_stream.this.arn
    role_arn           = aws_iam_role.firehose[each.key].arn
  }

  extended_s3_configuration {
    role_arn            = aws_iam_role.firehose[each.key].arn
    bucket_arn          = each.value.bucket_arn
    kms_key_arn         = each.value.bucket_kms_key_arn
    prefix              = "${each.value.prefix}date=!{timestamp:yyyy-MM-dd}/hour=!{timestamp:HH}/"
    error_output_prefix = "${each.value.prefix}failed/!{firehose:error-output-type}/date=!{timestamp:yyyy-MM-dd}/"
    compression_format  = "GZIP"
    buffering_size      = 64
    buffering_interval  = 300
  }

  depends_on = [aws_iam_role_policy.firehose]
}
