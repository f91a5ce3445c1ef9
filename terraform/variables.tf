variable "environment" {
  description = "Name of the environment: that of the overlay in k8s/overlays, and a part of every name."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,11}$", var.environment))
    error_message = "environment is ${var.environment}: use 2 to 12 of a-z, 0-9 and '-', beginning with a letter."
  }
}

variable "account_id" {
  description = "AWS account, 12 digits; with credentials of another one nothing is planned."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "account_id is ${var.account_id}: give the 12 digits of the AWS account."
  }
}

variable "region" {
  description = "AWS region."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region is ${var.region}: give a region such as ap-northeast-2."
  }
}

variable "availability_zones" {
  description = "Zones of the region, 2 to 6."
  type        = list(string)
  nullable    = false

  validation {
    condition     = alltrue([for zone in var.availability_zones : startswith(zone, var.region)])
    error_message = "availability_zones: every zone must be one of region ${var.region}."
  }
}

variable "admin_principal_arns" {
  description = "IAM roles or users that administrate the cluster and may become the search domain's master."
  type        = set(string)
  nullable    = false
}

variable "tags" {
  description = "Tags of everything, beside Project, Environment and ManagedBy."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "destroyable" {
  description = "Whether `terraform destroy` may take data along: objects, images, secrets without a window. Not in production."
  type        = bool
  default     = false
  nullable    = false

  validation {
    condition     = !(var.destroyable && var.environment == "prod")
    error_message = "destroyable is for environments that come and go, not for prod."
  }
}

variable "log_retention_days" {
  description = "Days that AWS's own logs (control plane, flow, search) are kept: one of CloudWatch's values."
  type        = number
  default     = 365
  nullable    = false
}

variable "vpc_cidr" {
  description = "IPv4 block of the VPC, /16 to /20."
  type        = string
  default     = "10.64.0.0/16"
  nullable    = false
}

variable "nat_per_zone" {
  description = "A NAT gateway in each zone, or one for all."
  type        = bool
  default     = true
  nullable    = false
}

variable "interface_endpoints" {
  description = "AWS services reached without NAT."
  type        = set(string)
  default     = ["kinesis-streams"]
  nullable    = false
}

variable "kubernetes_version" {
  description = "Version of Kubernetes."
  type        = string
  default     = "1.35"
  nullable    = false
}

variable "cluster_endpoint_cidrs" {
  description = "Networks that reach the Kubernetes API from outside the VPC; empty: none."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "node_instance_types" {
  description = "Types of nodes, x86-64."
  type        = list(string)
  default     = ["m7i.large"]
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
}

variable "stream_name" {
  description = "Name of the stream."
  type        = string
  default     = "cali-log-stream"
  nullable    = false
}

variable "stream_shards" {
  description = "Shards; null: on demand."
  type        = number
  default     = null
}

variable "stream_retention_hours" {
  description = "Hours that the stream keeps records: how long CALI may stand still without losing any."
  type        = number
  default     = 72
  nullable    = false
}

variable "firehose" {
  description = "A second raw copy of the stream below firehose/ that does not pass through CALI."
  type        = bool
  default     = false
  nullable    = false
}

variable "bucket_name" {
  description = "Name of the bucket; null: cali-<environment>-logs-<account>."
  type        = string
  default     = null
}

variable "archive_days" {
  description = "Days until an archived record is deleted."
  type        = number
  default     = 400
  nullable    = false
}

variable "object_lock_days" {
  description = "Days that nobody can delete a version; 0: no lock. Only when the bucket is made."
  type        = number
  default     = 0
  nullable    = false
}

variable "opensearch_instance_type" {
  description = "Type of data nodes."
  type        = string
  default     = "r7g.large.search"
  nullable    = false
}

variable "opensearch_instance_count" {
  description = "Data nodes, a multiple of the zones (3 at most)."
  type        = number
  default     = 3
  nullable    = false
}

variable "opensearch_master_type" {
  description = "Type of dedicated masters; null: none."
  type        = string
  default     = null
}

variable "opensearch_volume_gb" {
  description = "Disk of each data node, GB."
  type        = number
  default     = 100
  nullable    = false
}

variable "opensearch_create_service_linked_role" {
  description = "False where the account has the role for domains in a VPC already."
  type        = bool
  default     = true
  nullable    = false
}

variable "repositories" {
  description = "Image repositories. Empty in an environment that shares its account, and thereby its images, with another one."
  type        = set(string)
  default     = ["cali", "cali-fluent-bit"]
  nullable    = false
}

variable "identity_mode" {
  description = "How pods become roles: `irsa` or `pod_identity`."
  type        = string
  default     = "irsa"
  nullable    = false
}

variable "permissions_boundary_arn" {
  description = "Boundary of the workloads' roles, where the organisation asks for one."
  type        = string
  default     = null
}

variable "github" {
  description = "Workflows that may push images: OIDC provider of the account and whole `sub` claims; null: none."
  type = object({
    oidc_provider_arn = string
    subjects          = list(string)
  })
  default = null
  validation {
    condition     = var.github == null || length(var.repositories) > 0
    error_message = "github needs repositories to push to."
  }
}
