variable "name" {
  description = "Name of the domain."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,27}$", var.name))
    error_message = "name is ${var.name}: AWS takes 3 to 28 of a-z, 0-9 and '-', beginning with a letter."
  }
}

variable "engine_version" {
  description = "Version of the engine."
  type        = string
  default     = "OpenSearch_2.19"
  nullable    = false

  validation {
    condition     = can(regex("^OpenSearch_[2-9]\\.[0-9]+$", var.engine_version))
    error_message = "engine_version is ${var.engine_version}: use OpenSearch_2.x or later; 1.x is out of support."
  }
}

variable "vpc_id" {
  description = "VPC of the domain."
  type        = string
  nullable    = false
}

variable "subnet_ids" {
  description = "Private subnets, one a zone; as many nodes' zones, 1 to 3."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(var.subnet_ids) >= 1
    error_message = "subnet_ids is empty: give a private subnet for each zone."
  }
}

variable "client_security_group_ids" {
  description = "Security groups that may connect: that of the cluster."
  type        = list(string)
  nullable    = false
}

variable "client_role_arns" {
  description = "Roles that may call the domain: dataflow, and Grafana's or Airflow's where they read it."
  type        = list(string)
  nullable    = false
}

variable "admin_principal_arns" {
  description = "Who may become the domain's master: roles of people, not of workloads."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(var.admin_principal_arns) > 0 && !contains(var.admin_principal_arns, "*")
    error_message = "admin_principal_arns must name at least one principal, and not '*': without a master nobody can map roles."
  }
}

variable "instance_type" {
  description = "Type of data nodes."
  type        = string
  default     = "r7g.large.search"
  nullable    = false

  validation {
    condition     = endswith(var.instance_type, ".search")
    error_message = "instance_type is ${var.instance_type}: types of OpenSearch end in '.search'."
  }
}

variable "instance_count" {
  description = "Data nodes; a multiple of the zones."
  type        = number
  default     = 3
  nullable    = false
}

variable "master_type" {
  description = "Type of the three dedicated masters; null: none, for small domains."
  type        = string
  default     = null
}

variable "volume_gb" {
  description = "Disk of each data node, GB."
  type        = number
  default     = 100
  nullable    = false

  validation {
    condition     = var.volume_gb >= 10
    error_message = "volume_gb is ${var.volume_gb}: AWS takes at least 10."
  }
}

variable "index_prefix" {
  description = "`CALI_OPENSEARCH__INDEX_PREFIX`."
  type        = string
  default     = "cali"
  nullable    = false
}

variable "kms_key_arn" {
  description = "Key of the disks."
  type        = string
  nullable    = false
}

variable "log_key_arn" {
  description = "Key of the log groups; CloudWatch Logs must be allowed to use it."
  type        = string
  nullable    = false
}

variable "log_retention_days" {
  description = "Days that the domain's own logs are kept: one of CloudWatch's values."
  type        = number
  default     = 365
  nullable    = false
}

variable "create_service_linked_role" {
  description = "Whether to make the account's role for domains in a VPC; false where there is one already."
  type        = bool
  default     = true
  nullable    = false
}

variable "account_id" {
  description = "AWS account."
  type        = string
  nullable    = false
}

variable "region" {
  description = "AWS region."
  type        = string
  nullable    = false
}

variable "partition" {
  description = "AWS partition."
  type        = string
  default     = "aws"
  nullable    = false
}

variable "tags" {
  description = "Tags beside the provider's default tags."
  type        = map(string)
  default     = {}
  nullable    = false
}
