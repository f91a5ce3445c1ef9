variable "repositories" {
  description = "Names of the repositories."
  type        = set(string)
  default     = ["cali", "cali-fluent-bit"]
  nullable    = false

  validation {
    condition     = alltrue([for name in var.repositories : can(regex("^[a-z0-9]+([._/-][a-z0-9]+)*$", name)) && length(name) > 1])
    error_message = "A repository's name is of a-z and 0-9, with single '.', '_', '/' or '-' between them."
  }
}

variable "images_kept" {
  description = "Images kept in each repository. Running ones must be among them."
  type        = number
  default     = 50
  nullable    = false

  validation {
    condition     = var.images_kept >= 5
    error_message = "images_kept is ${var.images_kept}: keep at least 5, so that what runs can be pulled and rolled back."
  }
}

variable "kms_key_arn" {
  description = "Key that layers are encrypted with."
  type        = string
  nullable    = false
}

variable "force_delete" {
  description = "Whether `terraform destroy` may delete repositories with images in them. Not in production."
  type        = bool
  default     = false
  nullable    = false
}

variable "tags" {
  description = "Tags beside the provider's default tags."
  type        = map(string)
  default     = {}
  nullable    = false
}
