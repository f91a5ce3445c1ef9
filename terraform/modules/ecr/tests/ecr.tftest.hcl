mock_provider "aws" {}

variables {
  kms_key_arn = "arn:aws:kms:eu-central-1:123456789012:key/44444444-4444-4444-4444-444444444444"
}

run "immutable_scanned_and_encrypted" {
  assert {
    condition     = alltrue([for repository in aws_ecr_repository.this : repository.image_tag_mutability == "IMMUTABLE"])
    error_message = "Tags must not be movable."
  }
  assert {
    condition     = alltrue([for repository in aws_ecr_repository.this : one(repository.image_scanning_configuration).scan_on_push])
    error_message = "Every push must be scanned."
  }
  assert {
    condition     = alltrue([for repository in aws_ecr_repository.this : one(repository.encryption_configuration).kms_key == var.kms_key_arn])
    error_message = "Layers must be encrypted with the given key."
  }
  assert {
    condition     = keys(aws_ecr_lifecycle_policy.this) == ["cali", "cali-fluent-bit"]
    error_message = "Every repository must forget old images."
  }
}

run "refuses_capitals" {
  command = plan
  variables {
    repositories = ["Cali"]
  }
  expect_failures = [var.repositories]
}

run "refuses_to_forget_what_runs" {
  command = plan
  variables {
    images_kept = 1
  }
  expect_failures = [var.images_kept]
}
