"""boto3 alone: GetRecords of each shard in turn, as its documentation has it.

    boto3_client.py URL RECORDS

Iterators, then `get_records` with the most records it gives, on to `NextShardIterator`:
https://docs.aws.amazon.com/boto3/latest/reference/services/kinesis/client/get_records.html and the AWS guide's
https://docs.aws.amazon.com/streams/latest/dev/developing-consumers-with-sdk.html. It keeps nothing, asks without a
pause, and does nothing when a shard splits: less than any consumer must do. Run with CALI's own Python and botocore.
"""

import sys
from collections.abc import Mapping

import boto3
import rival

LIMIT = 10_000
STREAM = "bench"


def read(url: str, records: int) -> Mapping[str, float]:
    """Read so many records."""
    client = boto3.client("kinesis", endpoint_url=url)
    watch, seen = rival.Stopwatch(), 0
    iterators = [
        client.get_shard_iterator(StreamName=STREAM, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON")[
            "ShardIterator"
        ]
        for shard in client.list_shards(StreamName=STREAM)["Shards"]
    ]
    while seen < records:
        for shard, iterator in enumerate(iterators):
            page = client.get_records(ShardIterator=iterator, Limit=LIMIT)
            iterators[shard] = page["NextShardIterator"]
            for record in page["Records"]:
                seen += bool(record["Data"])
    return {**watch.taken(), "records": seen}


if __name__ == "__main__":
    rival.tell(lambda: read(sys.argv[1], int(sys.argv[2])))
