variable "name" {
  description = "Name of the stream."
  type        = string
  default     = "cali-log-stream"
  nullable    = false

  validation {
    condition     = can(regex("^[a-zA-Z0-9_.-]{1,50}$", var.name))
    error_message = "name is ${var.name}: use 1 to 50 letters, digits, '_', '.' and '-' (names of Firehose's parts are made from it)."
  }
}

variable "mode" {
  description = "`ON_DEMAND`, or `PROVISIONED` with `shard_count`."
  type        = string
  default     = "ON_DEMAND"
  nullable    = false

  validation {
    condition     = contains(["ON_DEMAND", "PROVISIONED"], var.mode)
    error_message = "mode is ${var.mode}: use ON_DEMAND or PROVISIONED."
  }
}

variable "shard_count" {
  description = "Shards of a provisioned stream: its MB/s in, or its thousands of records/s, whichever is more. Null on demand."
  type        = number
  default     = null

  validation {
    condition     = (var.mode == "PROVISIONED") == (var.shard_count != null)
    error_message = "Give shard_count with mode PROVISIONED, and only then."
  }
  validation {
    condition     = var.shard_count == null || try(var.shard_count >= 1 && floor(var.shard_count) == var.shard_count, false)
    error_message = "shard_count must be a whole number of at least 1."
  }
}

variable "retention_hours" {
  description = "Hours that the stream keeps records: how long CALI may stand still without losing any."
  type        = number
  default     = 72
  nullable    = false

  validation {
    condition     = var.retention_hours >= 24 && var.retention_hours <= 8760
    error_message = "retention_hours is ${var.retention_hours}: AWS takes 24 to 8760."
  }
}

variable "shard_level_metrics" {
  description = "CloudWatch metrics for each shard (paid): for example `IteratorAgeMilliseconds`."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "kms_key_arn" {
  description = "Key that records are encrypted with."
  type        = string
  nullable    = false
}

variable "region" {
  description = "AWS region, for `kms:ViaService`."
  type        = string
  nullable    = false
}

variable "account_id" {
  description = "AWS account, for the trust of Firehose's role."
  type        = string
  nullable    = false
}

variable "firehose" {
  description = "A second copy in S3 by Firehose; null: none. `prefix` ends in '/' and is nobody else's."
  type = object({
    bucket_arn         = string
    bucket_kms_key_arn = string
    prefix             = optional(string, "firehose/")
  })
  default = null

  validation {
    condition     = try(endswith(var.firehose.prefix, "/"), true)
    error_message = "firehose.prefix must end in '/'."
  }
}

variable "tags" {
  description = "Tags beside the provider's default tags."
  type        = map(string)
  default     = {}
  nullable    = false
}
