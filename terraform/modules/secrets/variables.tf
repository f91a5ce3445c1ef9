variable "prefix" {
  description = "What stands before every name, without a slash at its ends: for example `cali/prod`."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-zA-Z0-9_.-]+(/[a-zA-Z0-9_.-]+)*$", var.prefix))
    error_message = "prefix is ${var.prefix}: use words of letters, digits, '_', '.' and '-' with '/' between them."
  }
}

variable "secrets" {
  description = "Secrets by name, with a description. One for each party that hands the value out, since that is what is renewed at once."
  type        = map(string)
  default = {
    slack      = "Slack: bot_token or webhook_url."
    openai     = "OpenAI or a compatible server: api_key."
    milvus     = "Milvus: token. Embeddings server, if any: embedding_key."
    redaction  = "Key of the marks that tell redacted values apart: key. Never change it lightly."
    opensearch = "OpenSearch with basic authentication only: username, password. Not needed with SigV4."
  }
  nullable = false

  validation {
    condition     = alltrue([for name in keys(var.secrets) : can(regex("^[a-z][a-z0-9-]{0,62}$", name))])
    error_message = "Names of secrets begin with a-z and go on with a-z, 0-9 and '-'."
  }
}

variable "kms_key_arn" {
  description = "Key that values are encrypted with."
  type        = string
  nullable    = false
}

variable "account_id" {
  description = "AWS account whose principals alone may read."
  type        = string
  nullable    = false
}

variable "recovery_window_days" {
  description = "Days in which a deleted secret can be brought back: 7 to 30, or 0 for none (then its name is free at once)."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = var.recovery_window_days == 0 || (var.recovery_window_days >= 7 && var.recovery_window_days <= 30)
    error_message = "recovery_window_days is ${var.recovery_window_days}: AWS takes 0, or 7 to 30."
  }
}

variable "tags" {
  description = "Tags beside the provider's default tags."
  type        = map(string)
  default     = {}
  nullable    = false
}
