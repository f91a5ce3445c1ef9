resource "aws_kinesis_stream" "this" {
  name                = var.name
  retention_period    = var.retention_hours
  shard_count         = var.mode == "PROVISIONED" ? var.shard_count : null
  encryption_type     = "KMS"
  kms_key_id          = var.kms_key_arn
  shard_level_metrics = var.shard_level_metrics
  tags                = var.tags

  stream_mode_details {
    stream_mode = var.mode
  }
}
