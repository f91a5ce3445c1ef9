"""`archive`: raw records, framed, before anything can fail."""

import bytewax.operators as op
from bytewax.dataflow import Stream, operator
from bytewax.operators import KeyedStream

from connectors.kinesis import RecordBatch
from connectors.spool import Chunk
from dataflows.domain.books import minute_of
from dataflows.render import archive as render

_TOGETHER = 100
"""Records of a chunk, so that its lines are compressed while they lie in the processor's cache: a batch of 1,000 as one
chunk took a quarter more (2.5 to 3.1 µs a record, lines and zstd, in one run)."""


def _chunks(batch: RecordBatch) -> list[tuple[str, Chunk]]:
    minute = minute_of(batch.arrivals)
    return [
        (batch.slot, _chunk(batch, folder, slice(start, min(start + _TOGETHER, folder.stop)), minute))
        for folder in render.folders("archive", batch.arrivals)
        for start in range(folder.start, folder.stop, _TOGETHER)
    ]


def _chunk(batch: RecordBatch, folder: render.Folder, part: slice, minute: int) -> Chunk:
    sequences = batch.sequences[part]
    return Chunk(
        folder=folder.path,
        origin=f"{batch.stream}-{batch.shard}",
        first=sequences[0],
        last=sequences[-1],
        records=len(sequences),
        payload=render.lines(sequences, batch.arrivals[part], batch.data[part]),
        shard=batch.shard,
        window=folder.window,
        minute=minute,
    )


@operator
def archive(step_id: str, batches: Stream[RecordBatch]) -> KeyedStream[Chunk]:
    """Frame each batch for S3, keyed by slot. Keeps the order of a shard; never fails for data."""
    return op.flat_map("frame", batches, _chunks)
