"""The spool: what a sink must not lose is fsynced to a local file before the epoch is committed, and uploaded later.

Why: the source waits for the commit, and a sink that waits for S3 in `snapshot()` holds back every alert in flight
(measured: p95 from 0.2 s to 6 s at 500 ms an upload). So `write_batch` compresses as bytes come, `snapshot` only ends
the frame and syncs, and a thread uploads once the commit is known to be done.
"""

from connectors.spool.chunk import Chunk, Compression, Sealed
from connectors.spool.commits import Commits
from connectors.spool.folder import UNCLAIMED, claim, file_name, set_aside, sync_directory
from connectors.spool.part import SUFFIX, ZSTD_LEVEL, SpoolError, SpoolPart
from connectors.spool.pressure import MAX_BYTES, Pressure, Share

__all__ = [
    "MAX_BYTES",
    "SUFFIX",
    "UNCLAIMED",
    "ZSTD_LEVEL",
    "Chunk",
    "Commits",
    "Compression",
    "Pressure",
    "Sealed",
    "Share",
    "SpoolError",
    "SpoolPart",
    "claim",
    "file_name",
    "set_aside",
    "sync_directory",
]
