# Bucket, key and region come from a file: terraform init -backend-config=ENVIRONMENT.backend.hcl (see backend.hcl.example).
# The lock is an object beside the state, written with S3's conditional write; no DynamoDB table is needed.
terraform {
  backend "s3" {
    encrypt      = true
    use_lockfile = true
  }
}
