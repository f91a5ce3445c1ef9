"""The archive sink against a store that checks signatures and digests."""

import os
from hashlib import sha256
from pathlib import Path
from typing import Any

import boto3
import pytest
import zstandard

from connectors.s3 import S3Config, S3Sink
from connectors.spool import Chunk, Commits

pytestmark = pytest.mark.slow


def chunk(first: int, count: int = 2, folder: str = "archive/date=2026-11-21/hour=09", shard: int = 3) -> Chunk:
    """Lines that say which record they are."""
    payload = b"".join(b'{"n":%d}\n' % (first + i) for i in range(count))
    name = f"shardId-{shard:012d}"
    return Chunk(folder, f"logs-{name}", str(first), str(first + count - 1), count, payload, shard=name)


@pytest.fixture
def store(seaweed: str, unique: str) -> Any:
    """A fresh bucket."""
    resource = boto3.resource("s3", endpoint_url=seaweed)
    return resource.create_bucket(Bucket=unique)


def sink(store: Any, seaweed: str, folder: Path, commits: Commits, **config: Any) -> S3Sink:
    """The archive sink of a fresh process."""
    patient = {"close_timeout_s": 30.0, **config}  # a fresh store takes seconds for its first object
    settings = S3Config(bucket=store.name, endpoint_url=seaweed, region="eu-central-1", **patient)
    return S3Sink("archive", settings, folder, commits)


def lines(store: Any) -> dict[str, bytes]:
    """Objects by key, decompressed."""
    return {
        entry.key: zstandard.ZstdDecompressor().decompressobj().decompress(entry.get()["Body"].read())
        for entry in store.objects.all()
    }


def test_objects_are_named_by_shard_and_first_sequence(store: Any, seaweed: str, tmp_path: Path) -> None:
    """Two chunks of one epoch make one object; its metadata tells count and range."""
    part = sink(store, seaweed, tmp_path, Commits()).build_part("archive_out", "slot-03", None)
    part.write_batch([chunk(10), chunk(12, 3)])
    part.snapshot()
    part.close()
    key = "archive/date=2026-11-21/hour=09/logs-shardId-000000000003-10.ndjson.zst"

    assert {key: b"".join(b'{"n":%d}\n' % n for n in range(10, 15))} == lines(store)
    assert {
        "stream": "logs",
        "shard": "shardId-000000000003",
        "records": "5",
        "first": "10",
        "last": "14",
        "sha256": sha256(store.Object(key).get()["Body"].read()).hexdigest(),
    } == store.Object(key).metadata


def test_nothing_goes_up_before_its_commit(store: Any, seaweed: str, tmp_path: Path) -> None:
    """A sealed file waits in the spool until a source part has advanced, which proves the commit."""
    commits = Commits()
    part = sink(store, seaweed, tmp_path, commits).build_part("archive_out", "slot-03", None)
    part.write_batch([chunk(10)])
    waiting = part.snapshot()
    before = lines(store)
    commits.advance()
    part.close()

    assert {} == before
    assert 1 == len(waiting)
    assert 1 == len(lines(store))
    assert [] == part.snapshot()


def test_a_replay_overwrites_what_it_wrote(store: Any, seaweed: str, tmp_path: Path) -> None:
    """An epoch cut elsewhere by the replay leaves every record once: the first object is written again, shorter."""
    first = sink(store, seaweed, tmp_path / "a", Commits()).build_part("archive_out", "slot-03", None)
    first.write_batch([chunk(10, 8)])
    first.snapshot()
    first.close()
    again = sink(store, seaweed, tmp_path / "b", Commits()).build_part("archive_out", "slot-03", None)
    again.write_batch([chunk(10, 3)])
    again.snapshot()
    again.write_batch([chunk(13, 9)])
    again.snapshot()
    again.close()

    assert sorted(b'{"n":%d}' % n for n in range(10, 22)) == sorted(b"".join(lines(store).values()).split())


def test_a_resume_uploads_what_it_knows_and_removes_the_rest(store: Any, seaweed: str, tmp_path: Path) -> None:
    """Files of the committed state go up; files of the epoch that was lost are removed, since it is replayed."""
    commits = Commits()
    dead = sink(store, seaweed, tmp_path, commits).build_part("archive_out", "slot-03", None)
    dead.write_batch([chunk(10)])
    state = dead.snapshot()
    dead.write_batch([chunk(12)])
    dead._spool.seal()
    resumed = sink(store, seaweed, tmp_path, Commits()).build_part("archive_out", "slot-03", state)
    resumed.close()

    assert [b'{"n":10}\n{"n":11}\n'] == list(lines(store).values())
    assert [] == list((tmp_path / "archive" / "slot-03").iterdir())


def test_a_new_hour_cuts_the_object(store: Any, seaweed: str, tmp_path: Path) -> None:
    """The arrival hour is in the key, so an epoch that spans two hours makes two objects."""
    part = sink(store, seaweed, tmp_path, Commits()).build_part("archive_out", "slot-03", None)
    part.write_batch([chunk(10), chunk(12, folder="archive/date=2026-11-21/hour=10")])
    part.snapshot()
    part.close()

    assert ["hour=09", "hour=10"] == sorted(key.split("/")[2] for key in lines(store))


def test_a_refusal_keeps_the_file_and_tells_no_secret(
    store: Any, seaweed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A wrong key leaves the file in the spool; the log names the AWS error and nothing of the credentials."""
    secret = "wrong" * 5
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", secret)
    part = sink(store, seaweed, tmp_path, Commits(), close_timeout_s=4.0).build_part("archive_out", "slot-03", None)
    part.write_batch([chunk(10)])
    kept = part.snapshot()
    part.close()
    told = capsys.readouterr()

    assert kept == part.snapshot()
    assert 1 == len(list((tmp_path / "archive" / "slot-03").iterdir()))
    assert "SignatureDoesNotMatch" in told.out + told.err
    assert secret not in told.out + told.err


def test_a_large_object_goes_up_in_parts(store: Any, seaweed: str, tmp_path: Path) -> None:
    """Above the threshold an object goes up in parts, and comes back whole with the same manifest."""
    body = os.urandom(9_000_000) + b"\n"  # does not compress
    settings = {"multipart_bytes": 8 * 2**20}
    part = sink(store, seaweed, tmp_path, Commits(), **settings).build_part("archive_out", "slot-03", None)
    part.write_batch([chunk(10)._replace(payload=body * 2)])
    part.snapshot()
    part.close()
    (entry,) = store.objects.all()
    stored = entry.get()
    raw = stored["Body"].read()

    assert body * 2 == zstandard.ZstdDecompressor().decompressobj().decompress(raw)
    assert (sha256(raw).hexdigest(), "-3") == (stored["Metadata"]["sha256"], stored["ETag"].strip('"')[-2:])


def test_objects_are_encrypted_with_the_key_that_is_set(bucket: Any, moto: str, tmp_path: Path) -> None:
    """The store is told key and class for objects of one piece and of several."""
    config = S3Config(
        bucket=bucket.name,
        endpoint_url=moto,
        region="eu-central-1",
        kms_key_id="alias/logs",
        storage_class="STANDARD_IA",
        multipart_bytes=8 * 2**20,
        close_timeout_s=30.0,
    )
    part = S3Sink("archive", config, tmp_path, Commits()).build_part("archive_out", "slot-03", None)
    large = chunk(20, shard=4)._replace(payload=os.urandom(9_000_000))
    part.write_batch([chunk(10), large])
    part.snapshot()
    part.close()
    stored = [entry.get() for entry in bucket.objects.all()]

    assert [("aws:kms", "alias/logs", "STANDARD_IA")] * 2 == [
        (head["ServerSideEncryption"], head["SSEKMSKeyId"], head["StorageClass"]) for head in stored
    ]
