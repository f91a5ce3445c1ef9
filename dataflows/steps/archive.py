"""`archive`: raw records, framed, before anything can fail."""

import bytewax.operators as op
from bytewax.dataflow import Stream, operator
from bytewax.operators import KeyedStream

from connectors.kinesis import RecordBatch
from connectors.spool import Chunk
from dataflows.domain.books import minute_of
from dataflows.render import archive as render


def _chunks(batch: RecordBatch) -> list[tuple[str, Chunk]]:
    minute = minute_of(batch.arrivals)
    return [
        (
            batch.slot,
            Chunk(
                folder=folder.path,
                origin=f"{batch.stream}-{batch.shard}",
                first=batch.sequences[folder.start],
                last=batch.sequences[folder.stop - 1],
                records=folder.stop - folder.start,
                payload=render.lines(
                    batch.sequences[folder.start : folder.stop],
                    batch.arrivals[folder.start : folder.stop],
                    batch.data[folder.start : folder.stop],
                ),
                shard=batch.shard,
                window=folder.window,
                minute=minute,
            ),
        )
        for folder in render.folders("archive", batch.arrivals)
    ]


@operator
def archive(step_id: str, batches: Stream[RecordBatch]) -> KeyedStream[Chunk]:
    """Frame each batch for S3, keyed by slot. Keeps the order of a shard; never fails for data."""
    return op.flat_map("frame", batches, _chunks)
