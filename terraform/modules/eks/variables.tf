variable "name" {
  description = "Name of the cluster."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-zA-Z0-9][a-zA-Z0-9_-]{0,39}$", var.name))
    error_message = "name is ${var.name}: use 1 to 40 letters, digits, '_' and '-' (names of roles are made from it)."
  }
}

variable "kubernetes_version" {
  description = "Version of Kubernetes, `1.35`."
  type        = string
  default     = "1.35"
  nullable    = false

  validation {
    condition     = can(regex("^1\\.(3[1-9]|[4-9][0-9])$", var.kubernetes_version))
    error_message = "kubernetes_version is ${var.kubernetes_version}: give a version such as 1.35."
  }
}

variable "subnet_ids" {
  description = "Private subnets by zone: a node group in each."
  type        = map(string)
  nullable    = false

  validation {
    condition     = length(var.subnet_ids) >= 2
    error_message = "subnet_ids: EKS needs subnets in two zones at least."
  }
}

variable "endpoint_cidrs" {
  description = "Networks that reach the API from outside the VPC; empty: none, the endpoint is private."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for cidr in var.endpoint_cidrs : can(cidrhost(cidr, 0)) && !endswith(cidr, "/0")])
    error_message = "endpoint_cidrs must be networks, and not the whole Internet."
  }
}

variable "admin_principal_arns" {
  description = "IAM principals that administrate the cluster. Nobody else gets in, not even who made it."
  type        = set(string)
  nullable    = false

  validation {
    condition     = length(var.admin_principal_arns) > 0 && alltrue([for arn in var.admin_principal_arns : can(regex("^arn:[a-z-]+:iam::[0-9]{12}:(role|user)/", arn))])
    error_message = "admin_principal_arns must name at least one role or user by its ARN: without any the cluster has no administrator."
  }
}

variable "instance_types" {
  description = "Types of nodes, of the architecture of `ami_type`. CALI's image is for x86-64."
  type        = list(string)
  default     = ["m7i.large"]
  nullable    = false
}

variable "ami_type" {
  description = "Image of nodes."
  type        = string
  default     = "AL2023_x86_64_STANDARD"
  nullable    = false
}

variable "nodes_per_zone" {
  description = "Nodes in each zone."
  type = object({
    min = number
    max = number
  })
  default  = { min = 1, max = 3 }
  nullable = false

  validation {
    condition     = var.nodes_per_zone.min >= 0 && var.nodes_per_zone.max >= max(1, var.nodes_per_zone.min)
    error_message = "nodes_per_zone: max must be at least 1 and no less than min."
  }
}

variable "node_disk_gb" {
  description = "Disk of each node, GB."
  type        = number
  default     = 50
  nullable    = false
}

variable "addon_versions" {
  description = "Versions of add-ons by name; absent: AWS's default."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "kms_key_arn" {
  description = "Key of the cluster's secrets and of its logs; CloudWatch Logs must be allowed to use it."
  type        = string
  nullable    = false
}

variable "log_retention_days" {
  description = "Days that control plane logs are kept: one of CloudWatch's values."
  type        = number
  default     = 365
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
