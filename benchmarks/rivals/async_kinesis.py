"""async-kinesis 3.0.1, as its README teaches: `async with Consumer(...)`, `async for` over the records.

    async_kinesis.py URL RECORDS

README of https://github.com/hampsterx/async-kinesis, "Consumer": `StringProcessor` for raw text and logs ("minimal
processing overhead"), `use_list_shards` for better rate limits. Set in its favour: the most records a read (its
default), five reads a second and shard instead of one (the limit of Kinesis), and no rest of 2 s on an empty answer.
Its checkpoints stay in memory, the default.
"""

import asyncio
import sys
from collections.abc import Mapping

import rival
from kinesis import Consumer
from kinesis.processors import StringProcessor

STREAM = "bench"


async def read(url: str, records: int) -> Mapping[str, float]:
    """Read so many records."""
    async with Consumer(
        stream_name=STREAM,
        endpoint_url=url,
        region_name="eu-central-1",
        iterator_type="TRIM_HORIZON",
        use_list_shards=True,
        shard_fetch_rate=5,
        sleep_time_no_records=0.01,
        processor=StringProcessor(),
    ) as consumer:
        watch, seen = rival.Stopwatch(), 0
        while seen < records:
            async for record in consumer:
                seen += bool(record)
                if seen >= records:
                    break
        return {**watch.taken(), "records": seen}


if __name__ == "__main__":
    rival.tell(lambda: asyncio.run(read(sys.argv[1], int(sys.argv[2]))))
