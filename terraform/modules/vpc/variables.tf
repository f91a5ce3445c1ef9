variable "name" {
  description = "Name of the VPC."
  type        = string
  nullable    = false
}

variable "cidr" {
  description = "IPv4 block of the VPC, /16 to /20."
  type        = string
  default     = "10.64.0.0/16"
  nullable    = false

  validation {
    condition     = can(cidrhost(var.cidr, 0)) && try(tonumber(split("/", var.cidr)[1]) >= 16 && tonumber(split("/", var.cidr)[1]) <= 20, false)
    error_message = "cidr is ${var.cidr}: give an IPv4 block between /16 and /20, such as 10.64.0.0/16."
  }
}

variable "availability_zones" {
  description = "Zones, 2 to 6: a subnet of each kind in each."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(var.availability_zones) >= 2 && length(var.availability_zones) <= 6 && length(distinct(var.availability_zones)) == length(var.availability_zones)
    error_message = "availability_zones: give 2 to 6 different zones; EKS needs two."
  }
}

variable "nat_per_zone" {
  description = "A NAT gateway in each zone, or one for all: cheaper, and all egress is gone with its zone."
  type        = bool
  default     = true
  nullable    = false
}

variable "interface_endpoints" {
  description = "Services with an interface endpoint, as they stand behind `com.amazonaws.<region>.`."
  type        = set(string)
  default     = ["kinesis-streams"]
  nullable    = false
}

variable "flow_log_traffic" {
  description = "What the flow log holds: `REJECT`, `ACCEPT` or `ALL`."
  type        = string
  default     = "REJECT"
  nullable    = false

  validation {
    condition     = contains(["REJECT", "ACCEPT", "ALL"], var.flow_log_traffic)
    error_message = "flow_log_traffic is ${var.flow_log_traffic}: use REJECT, ACCEPT or ALL."
  }
}

variable "log_key_arn" {
  description = "Key of the log group; CloudWatch Logs must be allowed to use it."
  type        = string
  nullable    = false
}

variable "log_retention_days" {
  description = "Days that the flow log is kept: one of CloudWatch's values."
  type        = number
  default     = 365
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

variable "tags" {
  description = "Tags beside the provider's default tags."
  type        = map(string)
  default     = {}
  nullable    = false
}
