"""A flow with recovery whose disk fills: it ends uncommitted, and after room was made nothing is lost or doubled."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import bytewax.operators as op
import pytest
import zstandard
from bytewax.dataflow import Dataflow
from bytewax.errors import BytewaxRuntimeError
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.testing import TestingSource, run_main

from connectors.s3 import S3Config, S3Sink
from connectors.spool import Chunk, Commits, SpoolError, file_name

pytestmark = pytest.mark.slow
FOLDER = "archive/date=2026-11-21/hour=09"
SHARD = "shardId-000000000003"


def chunk(number: int) -> tuple[str, Chunk]:
    """One record; ten of them arrive in one window."""
    line = b'{"n":%d}\n' % number
    return "slot-03", Chunk(FOLDER, f"logs-{SHARD}", str(number), str(number), 1, line, SHARD, number // 10)


class FillingSink(S3Sink):
    """The sink on a disk that has no room for the file of one record."""

    def build_part(self, step_id: str, for_part: str, resume_state: Any) -> Any:
        part = super().build_part(step_id, for_part, resume_state)
        if for_part == "slot-03":  # a new slot sets strangers aside, so the disk fills only now
            part._spool._directory.joinpath(file_name(f"{FOLDER}/logs-{SHARD}-{self.full_at}.ndjson.zst")).symlink_to(
                "/dev/full"
            )
        return part

    full_at = 0


def run(sink: S3Sink, recovery: Path) -> None:
    """The sink alone, an epoch for each batch of seven."""
    flow = Dataflow("unit")
    items = op.input("in", flow, TestingSource([chunk(n) for n in range(100)], batch_size=7))
    op.output("out", items, sink)
    run_main(flow, epoch_interval=timedelta(0), recovery_config=RecoveryConfig(recovery))  # type: ignore[no-untyped-call] # untyped in Bytewax


def records(bucket: Any) -> list[int]:
    """What is in the bucket, in order."""
    opened = [
        zstandard.ZstdDecompressor().decompressobj().decompress(entry.get()["Body"].read())
        for entry in bucket.objects.all()
    ]
    return sorted(int(line[5:-1]) for body in opened for line in body.splitlines())


@pytest.mark.parametrize("full_at", [0, 28, 30, 98])
def test_a_full_disk_loses_nothing(bucket: Any, moto: str, tmp_path: Path, full_at: int) -> None:
    """Wherever the disk fills, at an epoch's first record or at a cut within one: each record is there exactly once."""
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full to stand for a full disk")
    config = S3Config(bucket=bucket.name, endpoint_url=moto, region="eu-central-1", close_timeout_s=30.0)
    recovery = tmp_path / "recovery"
    recovery.mkdir()
    init_db_dir(recovery, 1)
    filling = FillingSink("archive", config, tmp_path, Commits())
    filling.full_at = full_at
    with pytest.raises((SpoolError, BytewaxRuntimeError)) as caught:  # as it is from a write, wrapped from a snapshot
        run(filling, recovery)
    assert any(isinstance(err, SpoolError) for err in (caught.value, caught.value.__cause__))
    run(S3Sink("archive", config, tmp_path, Commits()), recovery)

    assert list(range(100)) == records(bucket)
    assert [] == list((tmp_path / "archive" / "slot-03").iterdir())
