"""`dead_letters`: rejected pieces, framed for S3 with their reason."""

from functools import partial

import bytewax.operators as op
from bytewax.dataflow import Stream, operator
from bytewax.operators import KeyedStream

from connectors.spool import Chunk
from dataflows.render.archive import dead_lines, folders
from dataflows.steps.clock import Clock, WallClock
from dataflows.steps.triage import RejectedBatch

_WALL = WallClock()


def _chunks(clock: Clock, batch: RejectedBatch) -> list[tuple[str, Chunk]]:
    pieces, now = batch.pieces, clock.now()
    return [
        (
            batch.slot,
            Chunk(
                folder=folder.path,
                origin=f"{batch.stream}-{pieces[folder.start].shard}",
                first=f"{pieces[folder.start].sequence}-{pieces[folder.start].sub}",
                last=f"{pieces[folder.stop - 1].sequence}-{pieces[folder.stop - 1].sub}",
                records=folder.stop - folder.start,
                payload=dead_lines(pieces[folder.start : folder.stop], batch.stream, now),
                shard=pieces[folder.start].shard,
                window=folder.window,
                minute=batch.minute,
            ),
        )
        for folder in folders("dead-letters", [piece.arrival_ts for piece in pieces])
    ]


@operator
def dead_letters(step_id: str, rejected: Stream[RejectedBatch], clock: Clock = _WALL) -> KeyedStream[Chunk]:
    """Frame rejected pieces for S3, keyed by slot.

    `clock` tells when they failed: the wall, in a replay as well, since that is a fact about CALI and not about a log.
    """
    return op.flat_map("frame", rejected, partial(_chunks, clock))
