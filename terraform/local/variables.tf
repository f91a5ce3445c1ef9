variable "endpoint" {
  description = "Address of the emulator: LocalStack's by default."
  type        = string
  default     = "http://127.0.0.1:4566"
  nullable    = false

  validation {
    condition     = can(regex("^https?://(localhost|127\\.0\\.0\\.1|\\[::1\\]|localstack)(:[0-9]+)?$", var.endpoint))
    error_message = "endpoint is ${var.endpoint}: this is for an emulator on this machine (localhost, 127.0.0.1, [::1], or the host `localstack` of a compose network)."
  }
}

variable "region" {
  description = "Region that the emulator plays."
  type        = string
  default     = "us-east-1"
  nullable    = false
}

variable "account_id" {
  description = "Account that the emulator plays: 000000000000 is LocalStack's, 123456789012 moto's."
  type        = string
  default     = "000000000000"
  nullable    = false
}

variable "stream" {
  description = "Name of the stream."
  type        = string
  default     = "cali-log-stream"
  nullable    = false
}

variable "shard_count" {
  description = "Shards of the stream."
  type        = number
  default     = 2
  nullable    = false
}

variable "bucket" {
  description = "Name of the bucket: CALI's default."
  type        = string
  default     = "cali-logs"
  nullable    = false
}

variable "require_tls" {
  description = "The bucket's policy as in the cloud. False by default: emulators speak plain HTTP, which it denies."
  type        = bool
  default     = false
  nullable    = false
}
