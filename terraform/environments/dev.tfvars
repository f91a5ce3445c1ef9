# Small, and may be destroyed with its data: one NAT gateway, one search node a zone of two, short retention.
environment               = "dev"
region                    = "ap-northeast-2"
availability_zones        = ["ap-northeast-2a", "ap-northeast-2c"]
nat_per_zone              = false
node_instance_types       = ["t3.large"]
stream_retention_hours    = 24
archive_days              = 150
opensearch_instance_type  = "t3.medium.search"
opensearch_instance_count = 2
opensearch_volume_gb      = 20
log_retention_days        = 30
destroyable               = true
