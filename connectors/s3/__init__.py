"""S3: the archive, the dead letters, and reading them back."""

from connectors.s3.client import Fetched, create_bucket, fetch, keys, probe, store
from connectors.s3.config import S3Config
from connectors.s3.outbox import S3Outbox
from connectors.s3.sink import S3Sink
from connectors.s3.uploader import Uploader

__all__ = ["Fetched", "S3Config", "S3Outbox", "S3Sink", "Uploader", "create_bucket", "fetch", "keys", "probe", "store"]
