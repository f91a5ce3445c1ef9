output "cluster_name" {
  description = "For `aws eks update-kubeconfig --name`."
  value       = module.eks.name
}

output "stream_name" {
  description = "Name of the stream."
  value       = module.kinesis.name
}

output "bucket" {
  description = "Name of the bucket."
  value       = module.s3.name
}

output "repository_urls" {
  description = "Image repositories by name."
  value       = module.ecr.urls
}

output "secret_names" {
  description = "Secrets that wait for a value."
  value       = module.secrets.names
}

output "role_arns" {
  description = "Roles by workload; archive-jobs is for the service account of airflow/rbac.yaml."
  value       = module.iam.role_arns
}

output "image_push_role_arn" {
  description = "Role of GitHub workflows; null without one."
  value       = module.iam.image_push_role_arn
}

output "opensearch_url" {
  description = "URL of the search domain."
  value       = module.opensearch.url
}

output "opensearch_admin_role_arn" {
  description = "Master of the search domain."
  value       = module.opensearch.admin_role_arn
}

output "opensearch_role" {
  description = "Body of `PUT _plugins/_security/api/roles/cali` (modules/opensearch/README.md)."
  value       = module.opensearch.role
}

output "opensearch_role_mapping" {
  description = "Body of `PUT _plugins/_security/api/rolesmapping/cali`."
  value       = module.opensearch.role_mapping
}
