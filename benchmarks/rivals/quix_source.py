"""quixstreams 3.28.1: the class that its Kinesis source reads with, without the Kafka behind it.

    quix_source.py URL RECORDS

`KinesisSource.run` (quixstreams/sources/community/kinesis/kinesis.py) is `with consumer: while running:
consumer.process_shards(); consumer.commit()` over a `KinesisConsumer`, which needs no broker: that loop, that class
and its `KinesisCheckpointer` are here. Left out, in its favour: serialising and producing every record to Kafka, and
the changelog of its checkpoints, whose place a dict takes. `max_records_per_shard` is 10,000 instead of 1,000: fewer
requests. https://quix.io/docs/quix-streams/connectors/sources/amazon-kinesis-source.html
"""

import sys
from collections.abc import Mapping
from typing import Any

import rival
from quixstreams.sources.community.kinesis.consumer import KinesisCheckpointer, KinesisConsumer

STREAM = "bench"


class _State(dict[str, str]):
    """What a checkpoint is kept in: Quix' own state asks for `set`."""

    def set(self, key: str, value: str) -> None:
        self[key] = value


class _Source:
    """What the checkpointer wants of a source."""

    def __init__(self) -> None:
        self.state = _State()

    def flush(self) -> None:
        """Nothing is behind it."""


def read(url: str, records: int) -> Mapping[str, float]:
    """Read so many records."""
    seen = 0

    def count(record: Mapping[str, Any]) -> None:
        nonlocal seen
        seen += bool(record["Data"])

    with KinesisConsumer(
        stream_name=STREAM,
        credentials={
            "endpoint_url": url,
            "region_name": "eu-central-1",
            "aws_access_key_id": "bench",
            "aws_secret_access_key": "bench",
        },
        message_processor=count,
        checkpointer=KinesisCheckpointer(stateful_source=_Source()),
        auto_offset_reset="earliest",
        max_records_per_shard=10_000,
    ) as consumer:
        watch = rival.Stopwatch()
        while seen < records:
            consumer.process_shards()
            consumer.commit()
        return {**watch.taken(), "records": seen}


if __name__ == "__main__":
    rival.tell(lambda: read(sys.argv[1], int(sys.argv[2])))
