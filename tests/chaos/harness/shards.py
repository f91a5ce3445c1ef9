"""Shards of a run's stream, split and merged while it is read and written."""

from itertools import pairwise
from typing import Any

from harness.servers import Names


class Shards:
    """Reshards a stream on a server whose shards can end."""

    def __init__(self, names: Names) -> None:
        self._kinesis = names.kinesis
        self._stream = names.name

    def split(self) -> str:
        """Split the widest open shard in the middle; what was done, in words."""
        shard = max(self._open(), key=lambda one: _end(one) - _start(one))
        middle = (_start(shard) + _end(shard)) // 2
        self._kinesis.split_shard(
            StreamName=self._stream, ShardToSplit=shard["ShardId"], NewStartingHashKey=str(middle)
        )
        return f"split {shard['ShardId']}"

    def merge(self) -> str:
        """Merge the two narrowest neighbours; a stream of one shard is split."""
        shards = self._open()
        if len(shards) == 1:
            return self.split()
        pairs = pairwise(shards)
        left, right = min(pairs, key=lambda pair: _end(pair[1]) - _start(pair[0]))
        self._kinesis.merge_shards(
            StreamName=self._stream, ShardToMerge=left["ShardId"], AdjacentShardToMerge=right["ShardId"]
        )
        return f"merged {left['ShardId']} and {right['ShardId']}"

    def settled(self) -> bool:
        """Whether the last reshard is done."""
        summary = self._kinesis.describe_stream_summary(StreamName=self._stream)["StreamDescriptionSummary"]
        return bool(summary["StreamStatus"] == "ACTIVE")

    def _open(self) -> list[dict[str, Any]]:
        """Open shards by hash range."""
        shards = self._kinesis.list_shards(StreamName=self._stream)["Shards"]
        return sorted((one for one in shards if "EndingSequenceNumber" not in one["SequenceNumberRange"]), key=_start)


def _start(shard: dict[str, Any]) -> int:
    return int(shard["HashKeyRange"]["StartingHashKey"])


def _end(shard: dict[str, Any]) -> int:
    return int(shard["HashKeyRange"]["EndingHashKey"])
