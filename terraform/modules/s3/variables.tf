variable "name" {
  description = "Name of the bucket; unique in the world."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.name))
    error_message = "name is ${var.name}: use 3 to 63 of a-z, 0-9 and '-' (a dot breaks TLS with virtual-hosted names)."
  }
}

variable "key_prefix" {
  description = "What stands before every key: `CALI_S3__PREFIX`. Empty, or ends in '/'."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = var.key_prefix == "" || (endswith(var.key_prefix, "/") && !startswith(var.key_prefix, "/"))
    error_message = "key_prefix is ${var.key_prefix}: leave it empty or let it end, and not begin, with '/'."
  }
}

variable "kms_key_arn" {
  description = "Key that objects are encrypted with."
  type        = string
  nullable    = false
}

variable "archive_days" {
  description = "Days until an archived record is deleted."
  type        = number
  default     = 400
  nullable    = false

  validation {
    condition     = var.archive_days > var.archive_glacier_days
    error_message = "archive_days is ${var.archive_days}: it must be more than archive_glacier_days (${var.archive_glacier_days})."
  }
}

variable "archive_ia_days" {
  description = "Days until the archive moves to STANDARD_IA."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = var.archive_ia_days >= 30
    error_message = "archive_ia_days is ${var.archive_ia_days}: S3 takes no less than 30."
  }
}

variable "archive_glacier_days" {
  description = "Days until the archive moves to GLACIER_IR, whose objects are still read at once."
  type        = number
  default     = 90
  nullable    = false

  validation {
    condition     = var.archive_glacier_days >= var.archive_ia_days + 30
    error_message = "archive_glacier_days is ${var.archive_glacier_days}: STANDARD_IA is paid for 30 days, so at least archive_ia_days + 30."
  }
}

variable "dead_letter_days" {
  description = "Days until a dead letter and its mark are deleted."
  type        = number
  default     = 180
  nullable    = false

  validation {
    condition     = var.dead_letter_days >= 1
    error_message = "dead_letter_days is ${var.dead_letter_days}: give at least 1."
  }
}

variable "noncurrent_days" {
  description = "Days until a version that was overwritten or deleted is gone for good."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = var.noncurrent_days >= 1
    error_message = "noncurrent_days is ${var.noncurrent_days}: give at least 1."
  }
}

variable "object_lock_days" {
  description = "Days that no version can be deleted by anyone without s3:BypassGovernanceRetention; 0: no lock. Only when the bucket is made."
  type        = number
  default     = 0
  nullable    = false

  validation {
    condition     = var.object_lock_days >= 0 && var.object_lock_days <= 36500
    error_message = "object_lock_days is ${var.object_lock_days}: give 0 (none) to 36500."
  }
}

variable "require_tls" {
  description = "Whether the bucket's policy denies plain HTTP, old TLS and other encryption. False is for emulators, which speak plain HTTP."
  type        = bool
  default     = true
  nullable    = false
}

variable "force_destroy" {
  description = "Whether `terraform destroy` may delete the bucket with its objects. Not in production."
  type        = bool
  default     = false
  nullable    = false

  validation {
    condition     = !(var.force_destroy && var.object_lock_days > 0)
    error_message = "force_destroy cannot delete what object_lock_days holds: set one of them."
  }
}

variable "tags" {
  description = "Tags beside the provider's default tags."
  type        = map(string)
  default     = {}
  nullable    = false
}
