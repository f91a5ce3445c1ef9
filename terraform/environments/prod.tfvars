# Three zones, a NAT gateway in each, a weekend of retention. Sizes for some 5 MB/s of logs with 3 % WARN and above.
environment               = "prod"
region                    = "ap-northeast-2"
availability_zones        = ["ap-northeast-2a", "ap-northeast-2b", "ap-northeast-2c"]
nat_per_zone              = true
node_instance_types       = ["m7i.large"]
stream_retention_hours    = 72
archive_days              = 400
opensearch_instance_type  = "r7g.large.search"
opensearch_instance_count = 3
opensearch_volume_gb      = 200
