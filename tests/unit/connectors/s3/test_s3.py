"""The uploader: committed files only, in order, for ever; and the sink's state around it."""

import base64
import os
import threading
from collections.abc import Callable, Iterator
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from prometheus_client import REGISTRY

from connectors.breaker import FAILURES, REST_S, Breaker, breaker
from connectors.errors import TerminalError, TransientError
from connectors.s3 import S3Config, S3Outbox, S3Sink, Uploader
from connectors.s3.client import sorted_errors
from connectors.slots import SLOTS
from connectors.spool import Chunk, Commits, Pressure, Sealed, file_name

LIMIT_S = 20.0
DENIED = b"<Error><Code>AccessDenied</Code><Message>no</Message></Error>"


class Store:
    """A bucket on loopback: keys in order of arrival; refuses the next `refusals` puts."""

    def __init__(self) -> None:
        self.keys: list[str] = []
        self.heads: dict[str, dict[str, str]] = {}
        """Headers of the last put of each key, names in lower case."""
        self.bodies: dict[str, bytes] = {}
        self.refusals = 0
        self.refused = 0
        self.changed = threading.Condition()
        self.url = ""

    def put(self, path: str, head: dict[str, str], body: bytes) -> bool:
        """Take an object, or refuse it."""
        with self.changed:
            self.changed.notify_all()
            if self.refusals:
                self.refusals -= 1
                self.refused += 1
                return False
            key = unquote(path).removeprefix("/bucket/")
            self.keys.append(key)
            self.heads[key] = head
            self.bodies[key] = body
            return True

    def wait_for(self, condition: Callable[[], bool]) -> None:
        """Wait until something holds, within a limit."""
        with self.changed:
            while not condition():
                assert self.changed.wait(LIMIT_S), "nothing changed for too long"


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """A running bucket, with credentials that are none."""
    found = Store()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_PUT(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            taken = found.put(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
            self.send_response(200 if taken else 403)
            self.send_header("Content-Length", str(0 if taken else len(DENIED)))
            self.end_headers()
            self.wfile.write(b"" if taken else DENIED)

        def do_HEAD(self) -> None:
            there = unquote(self.path).removeprefix("/bucket/") in found.bodies
            self.send_response(200 if there else 404)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it so
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    found.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield found
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def config(store: Store) -> S3Config:
    """Settings for that bucket."""
    return S3Config(bucket="bucket", endpoint_url=store.url, region="us-east-1", close_timeout_s=LIMIT_S)


def chunk(first: int) -> Chunk:
    """One record of one shard."""
    line = b'{"sequence":"%d"}\n' % first
    return Chunk("archive", "logs-shardId-0", str(first), str(first), 1, line, shard="shardId-0")


def key(first: int) -> str:
    """Its object's key."""
    return f"archive/logs-shardId-0-{first}.ndjson.zst"


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


def test_files_without_any_state_are_set_aside(store: Store, config: S3Config, tmp_path: Path) -> None:
    """A slot that starts without recovery state deletes nothing: what lies there is moved away and told."""
    store.refusals = 1_000
    hasty = config.model_copy(update={"close_timeout_s": 0.0})
    part: Any = S3Sink("unit", hasty, tmp_path, Commits()).build_part("out", SLOTS[0], None)
    part.write_batch([chunk(1)])
    part.snapshot()
    part.close()
    S3Sink("unit", hasty, tmp_path, Commits()).build_part("out", SLOTS[0], None)
    aside = tmp_path / "unclaimed" / "unit" / SLOTS[0]
    assert ([], 1) == (list((tmp_path / "unit" / SLOTS[0]).iterdir()), len(list(aside.iterdir())))


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


def test_an_outbox_survives_a_crash(store: Store, config: S3Config, tmp_path: Path) -> None:
    """An object put is durable at once and goes up; what a dead process left goes up with the next."""
    store.refusals = 1
    S3Outbox("refused", config, tmp_path).put(Chunk("dead-letters/refused=i", "a", "0", "0", 1, b"{}\n"))
    store.wait_for(lambda: store.refused == 1)
    S3Outbox("refused", config, tmp_path)
    store.wait_for(lambda: bool(store.keys))
    assert "dead-letters/refused=i/a-0.ndjson.zst" == store.keys[0]


def letter(name: str) -> Chunk:
    """One refused document."""
    return Chunk("dead-letters/refused=i", name, "0", "0", 1, b"{}\n")


def test_a_stranger_in_an_outbox_holds_up_nothing(
    store: Store, config: S3Config, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is no object of ours is told and left alone: tried for ever, it would open the circuit of all uploads."""
    folder = tmp_path / "refused"
    (folder / "lost+found").mkdir(parents=True)
    (folder / ".nfs0001").write_bytes(b"x")
    (folder / file_name(f"dead-letters/{'x' * 300}-0.ndjson.zst")).write_bytes(b"x")  # a name that was cut
    pressure = Pressure(tmp_path)
    S3Outbox("refused", config, tmp_path, pressure).put(letter("a"))
    store.wait_for(lambda: bool(store.keys))
    assert ["dead-letters/refused=i/a-0.ndjson.zst"] == store.keys
    assert 3 == capsys.readouterr().out.count("spool.stranger")


def test_half_an_object_is_never_sent(store: Store, config: S3Config, tmp_path: Path) -> None:
    """What a kill left in the middle of a `put` is removed at the next start: its caller puts it again."""
    half = tmp_path / "refused.writing" / file_name("dead-letters/refused=i/a-0.ndjson.zst")
    half.parent.mkdir(parents=True)
    half.write_bytes(b"(\xb5/\xfd")
    S3Outbox("refused", config, tmp_path).put(letter("b"))
    store.wait_for(lambda: bool(store.keys))
    assert (["dead-letters/refused=i/b-0.ndjson.zst"], False) == (store.keys, half.exists())


def test_an_object_that_is_put_again_is_whole_at_every_instant(config: S3Config, tmp_path: Path) -> None:
    """The uploader may be reading the first while the second is written: the name leads to one or the other."""
    circuit = breaker("s3", f"{config.endpoint_url}/bucket", answers=())
    for _ in range(FAILURES):
        with pytest.raises(OSError, match="down"), circuit():
            raise OSError("down")  # noqa: EM101 - S3 is left alone, so that both wait
    outbox = S3Outbox("refused", config, tmp_path)
    outbox.put(letter("a"))
    (path,) = (tmp_path / "refused").iterdir()
    with path.open("rb") as first:
        outbox.put(letter("a"))
        assert os.fstat(first.fileno()).st_ino != path.stat().st_ino, "written over what is being read"
        assert first.read() == path.read_bytes() != b""


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


def test_a_file_that_the_disk_changed_is_set_aside(
    store: Store, config: S3Config, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A damaged spool file is not uploaded as if it were whole: it is kept aside and told, and holds up no other."""
    commits = Commits()
    part: Any = S3Sink("harmed", config, tmp_path, commits).build_part("out", SLOTS[0], None)
    for first in (1, 2):
        part.write_batch([chunk(first)])
        part.snapshot()
    (tmp_path / "harmed" / SLOTS[0] / file_name(key(1))).write_bytes(b"flipped")
    part.close()
    aside = tmp_path / "unclaimed" / "harmed" / SLOTS[0] / file_name(key(1))
    assert ([key(2)], b"flipped", []) == (store.keys, aside.read_bytes(), part.snapshot())
    assert 1 == REGISTRY.get_sample_value("cali_spool_damaged_total", {"sink": "harmed"})
    assert "s3.spool_file_damaged" in capsys.readouterr().out


def test_a_file_that_the_disk_does_not_give_back_is_set_aside(store: Store, config: S3Config, tmp_path: Path) -> None:
    """A bad block is no failure of S3: the file is kept aside and told, the circuit stays closed, the others go up."""
    part: Any = S3Sink("unread", config, tmp_path, Commits()).build_part("out", SLOTS[0], None)
    for first in (1, 2):
        part.write_batch([chunk(first)])
        part.snapshot()
    bad = tmp_path / "unread" / SLOTS[0] / file_name(key(1))
    bad.unlink()
    bad.mkdir()  # reading it fails, also for root
    faults = REGISTRY.get_sample_value("cali_s3_faults_total", {"sink": "unread"})
    part.close()
    aside = tmp_path / "unclaimed" / "unread" / SLOTS[0] / file_name(key(1))
    assert ([key(2)], True, []) == (store.keys, aside.exists(), part.snapshot())
    assert faults == REGISTRY.get_sample_value("cali_s3_faults_total", {"sink": "unread"})


def test_a_file_that_is_nowhere_is_told(
    store: Store, config: S3Config, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A state whose file is neither on the volume nor in the bucket is a loss that is logged and counted."""
    lost = Sealed(key=key(7), count=3, first="7", last="9")
    resumed: Any = S3Sink("nowhere", config, tmp_path, Commits()).build_part("out", SLOTS[0], [lost])
    resumed.close()
    assert (1, []) == (
        REGISTRY.get_sample_value("cali_spool_damaged_total", {"sink": "nowhere"}),
        resumed.snapshot(),
    )
    assert "s3.spool_file_missing" in capsys.readouterr().out


@pytest.mark.parametrize("crash", ["written", "synced", "committed", "uploaded", "deleted"])
def test_a_crash_at_any_point_leaves_each_record_once(
    store: Store, config: S3Config, tmp_path: Path, crash: str
) -> None:
    """Killed after the write, the sync, the commit, the upload or the delete: each record ends in S3 exactly once.

    The source reads again from the last committed epoch; epochs before the crash hold record 1, the one at it 2.
    """
    commits = Commits()
    store.refusals = 1_000_000
    hasty = config.model_copy(update={"close_timeout_s": 0.0})
    dying: Any = S3Sink("unit", hasty, tmp_path, commits).build_part("out", SLOTS[0], None)
    dying.write_batch([chunk(1)])
    committed = dying.snapshot()
    dying.write_batch([chunk(2)])
    if crash == "written":
        dying._spool.abandon()
    elif crash == "synced":
        dying._spool.seal()  # and no snapshot of it reached the recovery store
    else:
        committed = dying.snapshot()
    folder = tmp_path / "unit" / SLOTS[0]
    if crash in {"uploaded", "deleted"}:
        file = folder / file_name(key(1))
        store.bodies[key(1)] = file.read_bytes()
        store.keys.append(key(1))
        if crash == "deleted":
            file.unlink()
    dying._uploader._closing = True  # the dead process uploads no more
    store.refusals = 0

    resumed: Any = S3Sink("unit", config, tmp_path, Commits()).build_part("out", SLOTS[0], committed)
    if crash in {"written", "synced"}:
        resumed.write_batch([chunk(2)])  # the source reads it again
    resumed.snapshot()
    resumed.close()
    assert ({key(1), key(2)}, []) == (set(store.keys), list(folder.iterdir()))
    assert [2 if crash == "uploaded" else 1, 1] == [store.keys.count(key(n)) for n in (1, 2)]


def test_a_full_outbox_holds_the_source_back(store: Store, config: S3Config, tmp_path: Path) -> None:
    """Single objects count in the bound, many small ones too; once S3 takes them there is room again."""
    store.refusals = 1_000_000
    pressure = Pressure(tmp_path, max_bytes=3 * 65_536, min_free_bytes=0)
    outbox = S3Outbox("refused", config, tmp_path, pressure)
    seen = []
    for number in range(3):
        outbox.put(Chunk("dead-letters/refused=i", str(number), "0", "0", 1, b"{}\n"))
        seen.append(pressure.full())
    store.refusals = 0
    outbox._uploader.drain()
    assert ([False, False, True], False, 0) == (seen, pressure.full(), pressure.used)


def circuit_of(config: S3Config) -> Breaker:
    """The breaker that the uploaders of this bucket share."""
    return breaker("s3", f"{config.endpoint_url}/{config.bucket}")


def opened(config: S3Config) -> Breaker:
    """That breaker after failures in a row."""
    circuit = circuit_of(config)
    for _ in range(FAILURES):
        with pytest.raises(TransientError), circuit():
            raise TransientError(*["down"])
    return circuit


def test_a_bucket_that_fails_again_and_again_is_left_alone(store: Store, config: S3Config, tmp_path: Path) -> None:
    """While the circuit is open nothing is called or counted as a fault: files wait; after the rest they go up."""
    circuit = opened(config)
    outbox = S3Outbox("resting", config, tmp_path)
    outbox.put(Chunk("dead-letters/refused=i", "a", "0", "0", 1, b"{}\n"))
    uploader = outbox._uploader
    with uploader._wake:
        assert uploader._wake.wait_for(lambda: uploader._busy is None and bool(uploader._jobs), LIMIT_S)
    faults = REGISTRY.get_sample_value("cali_s3_faults_total", {"sink": "resting"})
    assert ("open", [], 0, 0.0) == (circuit.state, store.keys, store.refused, faults or 0.0)
    circuit._rests_until -= REST_S
    uploader.drain()
    assert ("closed", ["dead-letters/refused=i/a-0.ndjson.zst"]) == (circuit.state, store.keys)


def test_a_bucket_that_is_not_there_opens_the_circuit(config: S3Config, tmp_path: Path) -> None:
    """Refused connections are failures of S3: after some the breaker is open and its gauge says so."""
    gone = config.model_copy(update={"endpoint_url": "http://127.0.0.1:9", "close_timeout_s": 0.0})
    circuit = circuit_of(gone)
    for _ in range(FAILURES - 1):
        with pytest.raises(TransientError), circuit():
            raise TransientError(*["down"])
    outbox = S3Outbox("gone", gone, tmp_path)
    outbox.put(Chunk("dead-letters/refused=i", "a", "0", "0", 1, b"{}\n"))
    with outbox._uploader._wake:  # put back after the failure that opened the circuit
        assert outbox._uploader._wake.wait_for(lambda: circuit.state == "open", LIMIT_S)
    outbox._uploader.drain()
    assert ("open", 2) == (circuit.state, REGISTRY.get_sample_value("cali_breaker_state", {"dependency": "s3"}))


def test_a_refusal_is_an_answer(store: Store, config: S3Config, tmp_path: Path) -> None:
    """A bucket that refuses (403) lives: the circuit stays closed, and the file goes up once it is allowed."""
    store.refusals = FAILURES
    config = config.model_copy(update={"close_timeout_s": 60.0})
    part: Any = S3Sink("denied", config, tmp_path, Commits()).build_part("out", SLOTS[0], None)
    part.write_batch([chunk(1)])
    part.snapshot()
    part.close()
    assert ([key(1)], FAILURES, "closed") == (store.keys, store.refused, circuit_of(config).state)


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (403, "AccessDenied", TerminalError),
        (404, "NoSuchBucket", TerminalError),
        (400, "ExpiredToken", TerminalError),
        (400, "RequestTimeout", TransientError),
        (429, "TooManyRequests", TransientError),
        (500, "InternalError", TransientError),
        (503, "SlowDown", TransientError),
    ],
)
def test_what_time_heals_is_transient(status: int, code: str, kind: type[Exception]) -> None:
    """The retry table: throttling, 429 and 5xx are transient, other refusals terminal; the message is the code."""
    answer: Any = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    with pytest.raises(kind, match=f"^{code}$"), sorted_errors():
        raise ClientError(answer, "PutObject")


def test_no_answer_is_transient() -> None:
    """A connection that cannot be made is told by the name of the error, without the address."""
    with pytest.raises(TransientError, match=r"^EndpointConnectionError$"), sorted_errors():
        raise EndpointConnectionError(endpoint_url="http://secret.example")
