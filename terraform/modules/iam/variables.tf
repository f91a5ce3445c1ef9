variable "name" {
  description = "What the names of roles begin with: for example `cali-prod`."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-zA-Z0-9+=,.@_-]{1,40}$", var.name))
    error_message = "name is ${var.name}: use 1 to 40 letters, digits and '+=,.@_-' (a role's name has 64 characters in all)."
  }
}

variable "identity_mode" {
  description = "How pods become roles: `irsa` (the cluster's OIDC provider) or `pod_identity` (needs the agent add-on)."
  type        = string
  default     = "irsa"
  nullable    = false

  validation {
    condition     = contains(["irsa", "pod_identity"], var.identity_mode)
    error_message = "identity_mode is ${var.identity_mode}: use irsa or pod_identity."
  }
}

variable "service_accounts" {
  description = "Who assumes each role. The roles are fixed; namespaces and names are those of k8s/ and airflow/rbac.yaml."
  type = map(object({
    namespace = string
    name      = string
  }))
  default = {
    dataflow         = { namespace = "cali", name = "cali" }
    fluent-bit       = { namespace = "cali-shipper", name = "cali-fluent-bit" }
    external-secrets = { namespace = "cali", name = "cali-secrets" }
    archive-jobs     = { namespace = "cali", name = "cali-archive-jobs" }
  }
  nullable = false

  validation {
    condition     = toset(keys(var.service_accounts)) == toset(["dataflow", "fluent-bit", "external-secrets", "archive-jobs"])
    error_message = "service_accounts must name dataflow, fluent-bit, external-secrets and archive-jobs, and no other."
  }
  validation {
    condition     = alltrue([for account in values(var.service_accounts) : !strcontains("${account.namespace}${account.name}", "*")])
    error_message = "A service account must be named in full: '*' would let others assume its role."
  }
}

variable "oidc_provider_arn" {
  description = "ARN of the cluster's OIDC provider. Needed with `pod_identity` too: external-secrets is assumed by IRSA in both."
  type        = string
  default     = null

  validation {
    condition     = var.oidc_provider_arn != null
    error_message = "oidc_provider_arn is null: external-secrets, and with identity_mode irsa every role, is assumed by it."
  }
}

variable "oidc_issuer_url" {
  description = "URL of the cluster's OIDC issuer."
  type        = string
  default     = null

  validation {
    condition     = var.oidc_issuer_url != null
    error_message = "oidc_issuer_url is null: external-secrets, and with identity_mode irsa every role, is assumed by it."
  }
}

variable "cluster_name" {
  description = "Name of the cluster; with `pod_identity`."
  type        = string
  default     = null

  validation {
    condition     = var.identity_mode != "pod_identity" || var.cluster_name != null
    error_message = "identity_mode pod_identity needs cluster_name."
  }
}

variable "account_id" {
  description = "AWS account of the cluster."
  type        = string
  nullable    = false
}

variable "region" {
  description = "AWS region, for `kms:ViaService`."
  type        = string
  nullable    = false
}

variable "permissions_boundary_arn" {
  description = "Boundary of every role, where the organisation asks for one."
  type        = string
  default     = null
}

variable "stream_arn" {
  description = "ARN of the stream."
  type        = string
  nullable    = false
}

variable "stream_key_arn" {
  description = "Key of the stream."
  type        = string
  nullable    = false
}

variable "bucket_arn" {
  description = "ARN of the bucket."
  type        = string
  nullable    = false
}

variable "bucket_key_arn" {
  description = "Key of the bucket."
  type        = string
  nullable    = false
}

variable "key_prefix" {
  description = "`CALI_S3__PREFIX`."
  type        = string
  default     = ""
  nullable    = false
}

variable "domain_arn" {
  description = "ARN of the OpenSearch domain; null: none of Amazon's."
  type        = string
  default     = null
}

variable "index_prefix" {
  description = "`CALI_OPENSEARCH__INDEX_PREFIX`."
  type        = string
  default     = "cali"
  nullable    = false
}

variable "secret_arns" {
  description = "ARNs of the secrets that the External Secrets Operator may read, by name."
  type        = map(string)
  nullable    = false

  validation {
    condition     = length(var.secret_arns) > 0
    error_message = "secret_arns is empty: a policy needs a resource."
  }
}

variable "secrets_key_arn" {
  description = "Key of the secrets."
  type        = string
  nullable    = false
}

variable "github" {
  description = "Workflows that may push images: the account's OIDC provider for GitHub, whole `sub` claims (`repo:OWNER/NAME:environment:registry`), repositories. Null: none."
  type = object({
    oidc_provider_arn = string
    subjects          = list(string)
    repository_arns   = list(string)
  })
  default = null

  validation {
    condition     = try(length(var.github.subjects) > 0 && alltrue([for subject in var.github.subjects : can(regex("^repo:[^*]+$", subject))]), var.github == null)
    error_message = "github.subjects are whole claims that begin with 'repo:', without '*': anything looser lets other workflows push."
  }
}

variable "tags" {
  description = "Tags beside the provider's default tags."
  type        = map(string)
  default     = {}
  nullable    = false
}
