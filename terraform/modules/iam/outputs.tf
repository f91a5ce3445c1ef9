output "role_arns" {
  description = "ARNs by workload: dataflow, fluent-bit, external-secrets, archive-jobs."
  value       = { for role, made in aws_iam_role.workload : role => made.arn }
}

output "image_push_role_arn" {
  description = "ARN of the role of GitHub workflows; null without one."
  value       = one([for role in aws_iam_role.image_push : role.arn])
}
