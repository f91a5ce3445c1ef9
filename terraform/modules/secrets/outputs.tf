output "arns" {
  description = "ARNs by name."
  value       = { for name, secret in aws_secretsmanager_secret.this : name => secret.arn }
}

output "names" {
  description = "Full names by name: what an ExternalSecret asks for."
  value       = { for name, secret in aws_secretsmanager_secret.this : name => secret.name }
}
