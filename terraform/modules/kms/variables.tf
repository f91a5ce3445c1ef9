variable "name" {
  description = "Name of the alias, without `alias/`: for example `cali-dev-stream`."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-zA-Z0-9/_-]{1,200}$", var.name)) && !startswith(var.name, "aws/")
    error_message = "name is ${var.name}: use letters, digits, '/', '_' and '-', and do not begin with 'aws/'."
  }
}

variable "description" {
  description = "What the key is for."
  type        = string
  nullable    = false
}

variable "account_id" {
  description = "AWS account, 12 digits."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "account_id is ${var.account_id}: give the 12 digits of the AWS account."
  }
}

variable "partition" {
  description = "AWS partition: `aws`, `aws-cn` or `aws-us-gov`."
  type        = string
  default     = "aws"
  nullable    = false
}

variable "region" {
  description = "AWS region, for the principal of CloudWatch Logs."
  type        = string
  nullable    = false
}

variable "for_log_groups" {
  description = "Whether CloudWatch Logs may use the key for log groups of this account."
  type        = bool
  default     = false
  nullable    = false
}

variable "deletion_window_days" {
  description = "Days between the order to delete the key and its end."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = var.deletion_window_days >= 7 && var.deletion_window_days <= 30
    error_message = "deletion_window_days is ${var.deletion_window_days}: AWS takes 7 to 30."
  }
}

variable "tags" {
  description = "Tags beside the provider's default tags."
  type        = map(string)
  default     = {}
  nullable    = false
}
