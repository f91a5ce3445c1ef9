"""The uploader: committed files only, in order, for ever; what goes with an object; the sink's state around it."""

import base64
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from loopback_bucket import Store, chunk, key
from prometheus_client import REGISTRY

from connectors.s3 import S3Config, S3Sink, Uploader
from connectors.slots import SLOTS
from connectors.spool import Commits, Pressure, Sealed


def test_a_file_goes_up_once_its_epoch_is_committed(store: Store, config: S3Config, tmp_path: Path) -> None:
    """Sealed is not committed: the upload waits for the commit, then the file and its place in the state are gone."""
    commits = Commits()
    part: Any = S3Sink("unit", config, tmp_path, commits).build_part("out", SLOTS[0], None)
    part.write_batch([chunk(1)])
    assert [key(1)] == [sealed["key"] for sealed in part.snapshot()]
    part.write_batch([chunk(2)])
    assert [key(1), key(2)] == [sealed["key"] for sealed in part.snapshot()]
    assert [] == store.keys
    commits.advance()
    store.wait_for(lambda: len(store.keys) == 2)
    part.close()
    assert ([key(1), key(2)], [], []) == (store.keys, part.snapshot(), list((tmp_path / "unit" / SLOTS[0]).iterdir()))


def test_a_store_that_refuses_only_delays(store: Store, config: S3Config, tmp_path: Path) -> None:
    """A refused put is tried again, and the order of a shard's objects holds."""
    store.refusals = 1
    part: Any = S3Sink("unit", config, tmp_path, Commits()).build_part("out", SLOTS[0], None)
    for first in (1, 2):
        part.write_batch([chunk(first)])
        part.snapshot()
    part.close()
    assert ([key(1), key(2)], 1) == (store.keys, store.refused)


def test_a_page_with_a_200_is_no_upload(store: Store, config: S3Config, tmp_path: Path) -> None:
    """A proxy's or a login's page in place of S3's answer, which has an ETag: the file is kept and sent again."""
    store.pages = 1
    part: Any = S3Sink("unit", config, tmp_path, Commits()).build_part("out", SLOTS[0], None)
    part.write_batch([chunk(1)])
    part.snapshot()
    part.close()
    assert ([key(1)], [], 0) == (store.keys, part.snapshot(), store.pages)


def test_a_resume_sends_what_was_committed(
    store: Store, config: S3Config, tmp_path: Path, assert_plain: Callable[[object], None]
) -> None:
    """Files of the resumed state go up without waiting; one that is up already is no trouble; others are removed."""
    crashed: Any = S3Sink("unit", config, tmp_path, Commits()).build_part("out", SLOTS[0], None)
    for first in (1, 2):
        crashed.write_batch([chunk(first)])
        state = crashed.snapshot()
    assert_plain(state)
    crashed.write_batch([chunk(3)])
    crashed._spool.seal()  # uncommitted when the process died
    uploaded = Sealed(key=key(0), count=1, first="0", last="0")
    store.bodies[key(0)] = b""
    resumed: Any = S3Sink("unit", config, tmp_path, Commits()).build_part("out", SLOTS[0], [uploaded, *state])
    resumed.close()
    assert ([key(1), key(2)], []) == (store.keys, resumed.snapshot())


def test_a_stop_does_not_wait_for_ever(store: Store, config: S3Config, tmp_path: Path) -> None:
    """What is not up when the time of a stop is over stays in the spool and in the state."""
    store.refusals = 1_000
    hasty = config.model_copy(update={"close_timeout_s": 0.0})
    part: Any = S3Sink("unit", hasty, tmp_path, Commits()).build_part("out", SLOTS[0], None)
    part.write_batch([chunk(1)])
    part.snapshot()
    part.close()
    assert ([key(1)], []) == ([sealed["key"] for sealed in part.snapshot()], store.keys)
    store.refusals = 0
    state = part.snapshot()
    resumed: Any = S3Sink("unit", config, tmp_path, Commits()).build_part("out", SLOTS[0], state)
    resumed.close()
    assert [key(1)] == store.keys


def test_the_spool_s_size_is_measured(store: Store, config: S3Config, tmp_path: Path) -> None:
    """Gauges tell the files, the bytes and the oldest that wait, and are back at nothing when all is up."""

    def waiting() -> tuple[float | None, float | None]:
        names = ("cali_spool_waiting_files", "cali_spool_waiting_bytes")
        files, size = (REGISTRY.get_sample_value(name, {"sink": "measured"}) for name in names)
        return files, size

    def oldest() -> float | None:
        return REGISTRY.get_sample_value("cali_spool_oldest_timestamp_seconds", {"sink": "measured"})

    pressure = Pressure(tmp_path)
    uploader = Uploader(config, "measured", Commits(), pressure)
    for number in (2, 1, 3):
        path = tmp_path / str(number)
        path.write_bytes(b"x" * 10)
        pressure.grew(10)
        entry = Sealed(key=f"{number}.zst", count=1, first="", last="", since=float(number))
        uploader.submit(path, entry, lambda _: None, committed=False)
    assert ((3, 30), 1.0, 30) == (waiting(), oldest(), pressure.used)
    uploader.drain()
    assert ((0, 0), 0.0, 0) == (waiting(), oldest(), pressure.used)
    assert ["1.zst", "2.zst", "3.zst"] == store.keys  # the oldest first, whatever the order of submission


def sent(store: Store, config: S3Config, folder: Path, **changes: Any) -> dict[str, str]:
    """Headers of one object that went up under changed settings."""
    changed = S3Config.model_validate({**config.model_dump(), **changes})
    part: Any = S3Sink("unit", changed, folder, Commits()).build_part("out", SLOTS[0], None)
    part.write_batch([chunk(1), chunk(2)])
    part.snapshot()
    part.close()
    return store.heads[store.keys[-1]]


@pytest.mark.parametrize(("compression", "suffix"), [("zstd", "zst"), ("gzip", "gz")])
def test_an_object_carries_its_manifest(
    store: Store, config: S3Config, tmp_path: Path, compression: str, suffix: str
) -> None:
    """Metadata tells what is in the object and the sha256 of its bytes, which S3 is asked to check as well."""
    head = sent(store, config, tmp_path, compression=compression)
    digest = sha256(store.bodies[f"archive/logs-shardId-0-1.ndjson.{suffix}"])
    assert {
        "stream": "logs",
        "shard": "shardId-0",
        "first": "1",
        "last": "2",
        "records": "2",
        "sha256": digest.hexdigest(),
    } == {name.removeprefix("x-amz-meta-"): value for name, value in head.items() if name.startswith("x-amz-meta-")}
    assert ("application/x-ndjson", compression, base64.b64encode(digest.digest()).decode()) == (
        head["content-type"],
        head["content-encoding"],
        head["x-amz-checksum-sha256"],
    )


def test_encryption_class_and_owner_are_asked_for(store: Store, config: S3Config, tmp_path: Path) -> None:
    """Settings of the bucket become headers of each object; without them none of the headers is sent."""
    asked = {
        "x-amz-server-side-encryption": "aws:kms",
        "x-amz-server-side-encryption-aws-kms-key-id": "alias/logs",
        "x-amz-server-side-encryption-bucket-key-enabled": "true",
        "x-amz-storage-class": "STANDARD_IA",
        "x-amz-expected-bucket-owner": "123456789012",
    }
    plain = sent(store, config, tmp_path / "a")
    set_ = sent(
        store,
        config,
        tmp_path / "b",
        kms_key_id="alias/logs",
        storage_class="STANDARD_IA",
        bucket_owner="123456789012",
    )
    assert ([], asked) == ([name for name in asked if name in plain], {name: set_.get(name) for name in asked})
