"""`dead_letters`: rejected pieces, framed for S3 with their reason."""

import bytewax.operators as op
from bytewax.dataflow import Stream, operator
from bytewax.operators import KeyedStream

from connectors.spool import Chunk
from dataflows.render.archive import dead_lines, folders
from dataflows.steps.triage import RejectedBatch


def _chunks(batch: RejectedBatch) -> list[tuple[str, Chunk]]:
    pieces = batch.pieces
    return [
        (
            batch.slot,
            Chunk(
                folder=folder.path,
                origin=f"{batch.stream}-{pieces[folder.start].shard}",
                first=f"{pieces[folder.start].sequence}-{pieces[folder.start].sub}",
                last=f"{pieces[folder.stop - 1].sequence}-{pieces[folder.stop - 1].sub}",
                records=folder.stop - folder.start,
                payload=dead_lines(pieces[folder.start : folder.stop]),
            ),
        )
        for folder in folders("dead-letters", [piece.arrival_ts for piece in pieces])
    ]


@operator
def dead_letters(step_id: str, rejected: Stream[RejectedBatch]) -> KeyedStream[Chunk]:
    """Frame rejected pieces for S3, keyed by slot."""
    return op.flat_map("frame", rejected, _chunks)
