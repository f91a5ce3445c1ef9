output "urls" {
  description = "URLs by name, without a tag."
  value       = { for name, repository in aws_ecr_repository.this : name => repository.repository_url }
}

output "arns" {
  description = "ARNs by name."
  value       = { for name, repository in aws_ecr_repository.this : name => repository.arn }
}
