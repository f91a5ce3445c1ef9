"""Kinesis Data Streams: batches of one shard's records, 64 fixed slots, at least once.

State: per shard the last emitted sequence number. IAM: `kinesis:ListShards`, `kinesis:GetShardIterator`,
`kinesis:GetRecords` and `kinesis:DescribeStreamSummary` on the stream, and `kms:Decrypt` where it is encrypted.
"""

from connectors.kinesis.config import KinesisConfig
from connectors.kinesis.producer import Producer
from connectors.kinesis.records import Loss, RecordBatch
from connectors.kinesis.source import KinesisSource, Watch
from connectors.kinesis.unpack import BadPiece, unpack

__all__ = ["BadPiece", "KinesisConfig", "KinesisSource", "Loss", "Producer", "RecordBatch", "Watch", "unpack"]
