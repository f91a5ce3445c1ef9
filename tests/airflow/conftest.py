"""An hour as the page archives it, in a bucket of an emulator, and ways to spoil it."""

import gzip
import json
import sys
from collections.abc import Callable
from itertools import groupby, islice
from pathlib import Path
from typing import Any

import pytest
import zstandard

from connectors.kinesis import Loss, RecordBatch
from connectors.s3 import S3Config
from connectors.s3.client import client
from connectors.s3.objects import put
from connectors.spool import SpoolPart
from dataflows.generate import wire
from dataflows.generate.generator import LogGenerator
from dataflows.settings import Settings
from dataflows.steps import archive as archive_step
from dataflows.steps import dead_letters as dead_letters_step
from dataflows.steps.triage import RejectedBatch, Triage

sys.path.insert(0, str(Path(__file__).parents[2] / "airflow"))  # where Airflow finds the modules, too

NINE = 1_795_251_600
"""2026-11-21 09:00:00 UTC."""
SHARDS = ("shardId-000000000000", "shardId-000000000001")
EPOCH_S = 150
SEED = 7

Record = tuple[float, bytes]
"""Arrival in seconds since the epoch, and the bytes."""


class Stopped:
    """A clock: when dead letters failed."""

    def now(self) -> float:
        return float(NINE + 30)


def generated(count: int, start: int = NINE, seconds: float = 3590.0) -> list[Record]:
    """Logs of seven services over an hour; each arrives a second after it happened."""
    rate = count / seconds
    logs = islice(LogGenerator(seed=SEED, rate=rate, start_ts=float(start)), count)
    return [(entry.event_us / 1e6 + 1, wire.render(entry)) for entry in logs]


class Archive:
    """Writes as the page does: its own steps, its spool, its upload."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self.settings = settings
        self.s3 = client(settings.s3)
        self._folder = folder
        self._sort = Triage(None)
        self._number = 0

    def write(self, records: list[Record], epoch_s: int = EPOCH_S, losses: tuple[Loss, ...] = ()) -> None:
        """Records of two shards, an object for each shard and epoch."""
        numbered = [(self._number + n, *record) for n, record in enumerate(records)]
        self._number += len(records)
        for epoch, (_, group) in enumerate(groupby(numbered, key=lambda one: int(one[1] // epoch_s))):
            part = SpoolPart(self._folder / f"spool-{self._number}-{epoch}")
            of_epoch = list(group)
            for n, shard in enumerate(SHARDS):
                mine = [one for one in of_epoch if (one[0] * 2_654_435_761 >> 7) % 2 == n]
                if mine:
                    self._write(part, shard, mine, losses if not epoch and not n else ())
            for sealed in part.seal():
                put(self.s3, self.settings.s3, part.path(sealed), sealed)

    def _write(
        self, part: SpoolPart, shard: str, records: list[tuple[int, float, bytes]], losses: tuple[Loss, ...]
    ) -> None:
        numbers = [str(49_600_000_000 + number) for number, _, _ in records]
        arrivals = [arrival for _, arrival, _ in records]
        batch = RecordBatch("slot-00", "logs", shard, numbers, [raw for _, _, raw in records], arrivals, losses)
        chunks = archive_step._chunks(batch)
        for out in self._sort([batch]):
            if isinstance(out, RejectedBatch):
                chunks += dead_letters_step._chunks(Stopped(), out)
        for _, chunk in chunks:
            part.write(chunk)

    def keys(self, folder: str = "archive/date=2026-11-21/hour=09/") -> list[str]:
        """What lies below a folder."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.settings.s3.bucket, Prefix=folder)
        return [entry["Key"] for page in pages for entry in page.get("Contents", [])]

    def lines(self, key: str) -> tuple[list[bytes], dict[str, str]]:
        """Lines and manifest of an object."""
        answer = self.s3.get_object(Bucket=self.settings.s3.bucket, Key=key)
        body = answer["Body"].read()
        opened = (
            gzip.decompress(body)
            if key.endswith(".gz")
            else zstandard.ZstdDecompressor().decompressobj().decompress(body)
        )
        return opened.splitlines(), answer["Metadata"]

    def put(self, key: str, lines: list[bytes], manifest: dict[str, str]) -> None:
        """An object as a hand would write it."""
        body = zstandard.compress(b"".join(line + b"\n" for line in lines))
        self.s3.put_object(Bucket=self.settings.s3.bucket, Key=key, Body=body, Metadata=manifest)

    def delete(self, key: str) -> None:
        """Away with it."""
        self.s3.delete_object(Bucket=self.settings.s3.bucket, Key=key)

    def everything(self) -> dict[str, bytes]:
        """Every object's bytes."""
        read = self.s3.get_object
        return {key: read(Bucket=self.settings.s3.bucket, Key=key)["Body"].read() for key in self.keys("")}

    def json(self, key: str) -> Any:
        """A JSON object."""
        return json.loads(self.s3.get_object(Bucket=self.settings.s3.bucket, Key=key)["Body"].read())


@pytest.fixture
def settings(bucket: Any, moto: str) -> Settings:
    """A deployment with a bucket of its own."""
    return Settings(_env_file=None, s3=S3Config(bucket=bucket.name, endpoint_url=moto))


@pytest.fixture
def archive(settings: Settings, tmp_path: Path) -> Archive:
    """An empty archive."""
    return Archive(settings, tmp_path)


@pytest.fixture(scope="session")
def hour_of_logs() -> list[Record]:
    """An hour of 1,800 records."""
    return generated(1_800)


@pytest.fixture(scope="session")
def busy_minutes() -> list[Record]:
    """Five minutes of 28 records a second."""
    return generated(8_400, seconds=300.0)


@pytest.fixture
def clean(archive: Archive, hour_of_logs: list[Record]) -> Archive:
    """A clean hour."""
    archive.write(hour_of_logs)
    return archive


@pytest.fixture
def spoiled(archive: Archive, hour_of_logs: list[Record]) -> Callable[[int, Callable[[int, Record], Record]], Archive]:
    """Archives the hour with every nth record changed."""

    def write(every: int, change: Callable[[int, Record], Record]) -> Archive:
        records = [change(n, one) if n % every == 0 else one for n, one in enumerate(hour_of_logs)]
        archive.write(records)
        return archive

    return write


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the developer's own deployment is read."""
    for name in ("AIRFLOW_HOME", "CALI_SLACK__BOT_TOKEN", "CALI_SLACK__WEBHOOK_URL"):
        monkeypatch.delenv(name, raising=False)
