mock_provider "aws" {
  mock_resource "aws_s3_bucket" {
    defaults = { arn = "arn:aws:s3:::cali-logs-test" }
  }
}

variables {
  name        = "cali-logs-test"
  kms_key_arn = "arn:aws:kms:eu-central-1:123456789012:key/22222222-2222-2222-2222-222222222222"
}

run "closed_encrypted_and_versioned" {
  assert {
    condition = alltrue([
      aws_s3_bucket_public_access_block.this.block_public_acls,
      aws_s3_bucket_public_access_block.this.block_public_policy,
      aws_s3_bucket_public_access_block.this.ignore_public_acls,
      aws_s3_bucket_public_access_block.this.restrict_public_buckets,
    ])
    error_message = "Nothing in the bucket may become public."
  }
  assert {
    condition     = one(one(aws_s3_bucket_server_side_encryption_configuration.this.rule).apply_server_side_encryption_by_default).kms_master_key_id == var.kms_key_arn
    error_message = "Objects must be encrypted with the given key."
  }
  assert {
    condition     = one(aws_s3_bucket_versioning.this.versioning_configuration).status == "Enabled"
    error_message = "Versions must be kept."
  }
  assert {
    condition     = [for statement in jsondecode(aws_s3_bucket_policy.this[0].policy).Statement : statement.Sid if statement.Effect == "Deny"] == ["DenyPlainHttp", "DenyOldTls", "DenyOtherEncryption"]
    error_message = "The policy must deny HTTP, old TLS and other encryption."
  }
  assert {
    condition     = !aws_s3_bucket.this.force_destroy && length(aws_s3_bucket_object_lock_configuration.this) == 0
    error_message = "By default objects survive a destroy, and there is no lock."
  }
}

run "life_cycle_below_the_prefix" {
  variables {
    key_prefix = "prod/"
  }

  assert {
    condition = { for rule in aws_s3_bucket_lifecycle_configuration.this.rule : rule.id => try(one(rule.filter).prefix, null) if rule.id != "remains" } == {
      archive        = "prod/archive/"
      "dead-letters" = "prod/dead-letters/"
      replayed       = "prod/replayed/"
      check          = "prod/check/"
    }
    error_message = "Each prefix that CALI writes has its rule."
  }
  assert {
    condition     = [for rule in aws_s3_bucket_lifecycle_configuration.this.rule : one(rule.abort_incomplete_multipart_upload).days_after_initiation if rule.id == "remains"] == [7]
    error_message = "Parts of unfinished uploads must go."
  }
}

run "lock" {
  variables {
    object_lock_days = 30
  }

  assert {
    condition     = aws_s3_bucket.this.object_lock_enabled && one(one(aws_s3_bucket_object_lock_configuration.this[0].rule).default_retention).mode == "GOVERNANCE"
    error_message = "A lock is made with the bucket, in governance mode."
  }
}

run "refuses_a_name_with_a_dot" {
  command = plan
  variables {
    name = "cali.logs"
  }
  expect_failures = [var.name]
}

run "refuses_an_archive_that_ends_before_it_moves" {
  command = plan
  variables {
    archive_days = 60
  }
  expect_failures = [var.archive_days]
}

run "refuses_a_lock_with_force_destroy" {
  command = plan
  variables {
    object_lock_days = 30
    force_destroy    = true
  }
  expect_failures = [var.force_destroy]
}
