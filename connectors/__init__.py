"""How CALI talks to the world: Kinesis, S3, OpenSearch and Slack. Nothing here knows what a log is."""
