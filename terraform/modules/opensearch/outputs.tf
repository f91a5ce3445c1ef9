output "arn" {
  description = "ARN of the domain."
  value       = aws_opensearch_domain.this.arn
}

output "url" {
  description = "`CALI_OPENSEARCH__URL`."
  value       = "https://${aws_opensearch_domain.this.endpoint}"
}

output "admin_role_arn" {
  description = "Role of the domain's master."
  value       = aws_iam_role.admin.arn
}

output "role" {
  description = "Body of `PUT _plugins/_security/api/roles/cali`: what CALI may do inside the domain."
  value       = jsonencode(local.role)
}

output "role_mapping" {
  description = "Body of `PUT _plugins/_security/api/rolesmapping/cali`: who CALI is."
  value       = jsonencode({ backend_roles = var.client_role_arns })
}
