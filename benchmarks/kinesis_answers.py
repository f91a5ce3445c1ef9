"""The two answers that every Kinesis stand-in of the benchmarks gives alike."""

from collections.abc import Sequence
from typing import Any


def shards(first_sequences: Sequence[str]) -> dict[str, Any]:
    """ListShards: one open shard for each first sequence number, without parents."""
    return {
        "Shards": [
            {
                "ShardId": f"shardId-{number:012d}",
                "HashKeyRange": {"StartingHashKey": str(number), "EndingHashKey": str(number)},
                "SequenceNumberRange": {"StartingSequenceNumber": first},
            }
            for number, first in enumerate(first_sequences)
        ]
    }


def summary(stream: str, open_shards: int) -> dict[str, Any]:
    """DescribeStreamSummary: an active stream."""
    return {
        "StreamDescriptionSummary": {
            "StreamName": stream,
            "StreamARN": f"arn:aws:kinesis:eu-central-1:000000000000:stream/{stream}",
            "StreamStatus": "ACTIVE",
            "RetentionPeriodHours": 24,
            "StreamCreationTimestamp": 1,
            "EnhancedMonitoring": [],
            "OpenShardCount": open_shards,
        }
    }
