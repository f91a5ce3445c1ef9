output "env" {
  description = "Lines for `.env`: `terraform output -raw env`."
  value       = <<-EOT
    CALI_KINESIS__STREAM=${module.kinesis.name}
    CALI_KINESIS__REGION=${var.region}
    CALI_KINESIS__ENDPOINT_URL=${var.endpoint}
    CALI_S3__BUCKET=${module.s3.name}
    CALI_S3__REGION=${var.region}
    CALI_S3__ENDPOINT_URL=${var.endpoint}
  EOT
}

output "stream_arn" {
  description = "ARN of the stream."
  value       = module.kinesis.arn
}

output "bucket" {
  description = "Name of the bucket."
  value       = module.s3.name
}

output "secret_names" {
  description = "Names of the secrets."
  value       = module.secrets.names
}

output "role_arns" {
  description = "Roles by workload."
  value       = module.iam.role_arns
}
