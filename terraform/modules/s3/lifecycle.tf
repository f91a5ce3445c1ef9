# What becomes of objects with time. Storage classes are those whose objects are read at once: a replay waits for no
# restore. S3 moves no object below 128 KiB by itself, for which IA would cost more.

locals {
  kept = {
    archive        = { days = var.archive_days, ia = var.archive_ia_days, glacier = var.archive_glacier_days }
    "dead-letters" = { days = var.dead_letter_days, ia = null, glacier = null }
    replayed       = { days = var.dead_letter_days, ia = null, glacier = null }
    check          = { days = 1, ia = null, glacier = null }
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "this" {
  bucket = aws_s3_bucket.this.id

  dynamic "rule" {
    for_each = local.kept

    content {
      id     = rule.key
      status = "Enabled"

      filter {
        prefix = "${var.key_prefix}${rule.key}/"
      }

      expiration {
        days = rule.value.days
      }

      dynamic "transition" {
        for_each = rule.value.ia == null ? [] : [rule.value.ia]

        content {
          days          = transition.value
          storage_class = "STANDARD_IA"
        }
      }

      dynamic "transition" {
        for_each = rule.value.glacier == null ? [] : [rule.value.glacier]

        content {
          days          = transition.value
          storage_class = "GLACIER_IR"
        }
      }
    }
  }

  # Of every object: older versions, delete markers, and the parts that a killed process left.
  rule {
    id     = "remains"
    status = "Enabled"

    filter {}

    expiration {
      expired_object_delete_marker = true
    }

    noncurrent_version_expiration {
      noncurrent_days = var.noncurrent_days
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }

  depends_on = [aws_s3_bucket_versioning.this]
}
