"""Dead letters in a bucket, replayed more than once; and objects that are not what was stored."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from connectors.kinesis import RecordBatch
from connectors.s3 import S3Config, S3Sink
from connectors.spool import Chunk, Commits
from dataflows.domain.rejections import Rejected, RejectReason
from dataflows.render.archive import dead_lines, lines
from dataflows.replay.account import Account
from dataflows.replay.files import Origin, read
from dataflows.replay.live import _Retrying
from dataflows.replay.marks import Marks
from dataflows.steps.triage import AlarmingBatch, RejectedBatch, Triage

pytestmark = pytest.mark.slow
T0 = 1_763_764_859.0
SHARD = "shardId-000000000003"
GOOD = b'{"level":"ERROR","service":"api","log":"boom"}\n'
BAD = b"{not json\n"


@pytest.fixture
def config(bucket: Any, moto: str) -> S3Config:
    """Settings for a fresh bucket, with a prefix."""
    return S3Config(bucket=bucket.name, prefix="prod/", endpoint_url=moto, region="eu-central-1", close_timeout_s=30.0)


def upload(config: S3Config, folder: Path, chunks: Iterable[Chunk]) -> None:
    """Bring chunks to S3 as the pipeline does."""
    part = S3Sink("unit", config, folder, Commits()).build_part("out", "slot-03", None)
    part.write_batch(list(chunks))
    part.snapshot()
    part.close()


def letters(raws: list[bytes], first: int = 1) -> Chunk:
    """One object of dead letters, one record each."""
    bad = [Rejected(SHARD, str(first + n), 0, T0, RejectReason.NOT_JSON, "why", raw) for n, raw in enumerate(raws)]
    folder = "dead-letters/date=2025-11-21/hour=22"
    payload = dead_lines(bad, "logs", T0)
    return Chunk(folder, f"logs-{SHARD}", f"{first}-0", f"{first + len(raws) - 1}-0", len(raws), payload, shard=SHARD)


class Run:
    """One replay as `cali replay` does it, as far as triage."""

    def __init__(self, config: S3Config, *, again: bool = False) -> None:
        self.account = Account()
        marks = Marks(config, again=again)
        source = f"s3://{config.bucket}/{config.prefix}"
        origins = list(read(source, config, self.account, marks=marks))
        self.tried = [origin.sequence for origin in origins]
        out = _Retrying(Triage(None), marks)([batch(origin) for origin in origins])
        self.alarms = sum(len(sorted_.alarms) for sorted_ in out if isinstance(sorted_, AlarmingBatch))
        self.new_letters = [sorted_ for sorted_ in out if isinstance(sorted_, RejectedBatch)]
        self.problems = marks.write(T0 + 60)


def batch(origin: Origin) -> RecordBatch:
    """One record as the replay's source emits it."""
    return RecordBatch(
        "slot-03", "replay", origin.shard, [origin.sequence], [origin.raw], [origin.arrival_ts], subs=(origin.sub,)
    )


def test_a_second_replay_leaves_out_what_succeeded(config: S3Config, bucket: Any, tmp_path: Path) -> None:
    """A finished piece is not tried again, a rejected one is; neither makes a second dead letter."""
    upload(config, tmp_path, [letters([GOOD, BAD, GOOD]), letters([GOOD], 9)._replace(window=1)])
    first, second = Run(config), Run(config)

    assert (["1", "2", "3", "9"], 3, []) == (first.tried, first.alarms, first.new_letters)
    assert (["2"], 0, [], 3) == (second.tried, second.alarms, second.new_letters, second.account.finished)
    assert ["1", "2", "3", "9"] == Run(config, again=True).tried


def test_a_mark_tells_attempts_and_what_is_left(config: S3Config, bucket: Any, tmp_path: Path) -> None:
    """The mark lies beside the dead letter, which stays as it is; the pipeline's own attempt counts."""
    upload(config, tmp_path, [letters([GOOD, BAD])])
    name = f"dead-letters/date=2025-11-21/hour=22/logs-{SHARD}-1-0.ndjson.zst"
    before = bucket.Object(f"prod/{name}").get()["Body"].read()
    marks = []
    for _ in range(2):
        Run(config)
        marks.append(json.loads(bucket.Object(f"prod/replayed/{name}.json").get()["Body"].read()))

    assert before == bucket.Object(f"prod/{name}").get()["Body"].read()
    assert [2, 3] == [mark.pop("attempts") for mark in marks]
    assert [
        {
            "object": f"prod/{name}",
            "sha256": bucket.Object(f"prod/{name}").metadata["sha256"],
            "replayed": round((T0 + 60) * 1000),
            "left": {f"{SHARD}-2-0": "not_json"},
        }
    ] * 2 == marks


def test_a_mark_of_other_bytes_counts_for_nothing(config: S3Config, bucket: Any, tmp_path: Path) -> None:
    """An object that the pipeline wrote again after a crash, with more in it, is replayed whole."""
    upload(config, tmp_path / "a", [letters([GOOD])])
    Run(config)
    upload(config, tmp_path / "b", [letters([GOOD, GOOD])])

    assert ["1", "2"] == Run(config).tried


def test_an_object_that_was_not_read_to_its_end_is_not_marked(config: S3Config, bucket: Any, tmp_path: Path) -> None:
    """A replay that a signal ended, and a line that cannot be read, leave the object for the next one."""
    chunk = letters([GOOD, GOOD])
    upload(config, tmp_path, [chunk, chunk._replace(first="8-0", window=1, payload=b"{broken\n" + chunk.payload)])
    marks = Marks(config)
    asked = iter([False, True, True])
    list(read(f"s3://{bucket.name}/", config, Account(), asked=lambda: next(asked), marks=marks))
    assert [] == marks.write(T0)
    assert [] == list(bucket.objects.filter(Prefix="prod/replayed/"))

    Run(config)
    assert [f"prod/replayed/dead-letters/date=2025-11-21/hour=22/logs-{SHARD}-1-0.ndjson.zst.json"] == [
        entry.key for entry in bucket.objects.filter(Prefix="prod/replayed/")
    ]


def test_a_replay_verifies_the_manifest(config: S3Config, bucket: Any, tmp_path: Path) -> None:
    """An object whose bytes or lines are not those of its manifest is told and not replayed; others are."""
    good = Chunk("archive", f"logs-{SHARD}", "1", "1", 1, lines(["1"], [T0], [GOOD]), shard=SHARD)
    upload(config, tmp_path, [good, good._replace(first="2", window=1), good._replace(first="3", window=2, records=7)])
    other = bucket.Object(f"prod/archive/logs-{SHARD}-2.ndjson.zst")
    whole = other.get()
    other.put(Body=whole["Body"].read()[:-1] + b"x", Metadata=whole["Metadata"])
    account = Account()
    read_back = list(read(f"s3://{bucket.name}/prod/archive/", config, account))
    advice = "restore an earlier version of it, or take its records from the stream"

    assert ["1"] == [origin.sequence for origin in read_back]
    assert [
        f"'s3://{bucket.name}/{other.key}' does not hold what was stored, by the sha256 of its manifest: {advice}",
        f"'s3://{bucket.name}/prod/archive/logs-{SHARD}-3.ndjson.zst' has not the 7 lines of its manifest: {advice}",
    ] == account.problem_lines()
