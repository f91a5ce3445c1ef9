provider "aws" {
  region              = var.region
  allowed_account_ids = [var.account_id]

  default_tags {
    tags = merge({ Project = "cali", Environment = var.environment, ManagedBy = "terraform" }, var.tags)
  }
}
