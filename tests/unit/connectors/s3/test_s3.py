"""The uploader: committed files only, in order, for ever; and the sink's state around it."""

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from prometheus_client import REGISTRY

from connectors.s3 import S3Config, S3Outbox, S3Sink, Uploader
from connectors.slots import SLOTS
from connectors.spool import Chunk, Commits, Sealed

LIMIT_S = 20.0
DENIED = b"<Error><Code>AccessDenied</Code><Message>no</Message></Error>"


class Store:
    """A bucket on loopback: keys in order of arrival; refuses the next `refusals` puts."""

    def __init__(self) -> None:
        self.keys: list[str] = []
        self.refusals = 0
        self.refused = 0
        self.changed = threading.Condition()
        self.url = ""

    def put(self, path: str) -> bool:
        """Take an object, or refuse it."""
        with self.changed:
            self.changed.notify_all()
            if self.refusals:
                self.refusals -= 1
                self.refused += 1
                return False
            self.keys.append(unquote(path).removeprefix("/bucket/"))
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
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            taken = found.put(self.path)
            self.send_response(200 if taken else 403)
            self.send_header("Content-Length", str(0 if taken else len(DENIED)))
            self.end_headers()
            self.wfile.write(b"" if taken else DENIED)

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
    return Chunk("archive", "logs-shardId-0", str(first), str(first), 1, b'{"sequence":"%d"}\n' % first)


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
    """Gauges tell the files and bytes that wait, and are back at nothing when all is up."""

    def waiting() -> tuple[float | None, float | None]:
        names = ("cali_spool_waiting_files", "cali_spool_waiting_bytes")
        files, size = (REGISTRY.get_sample_value(name, {"sink": "measured"}) for name in names)
        return files, size

    uploader = Uploader(config, "measured", Commits())
    for number in range(3):
        path = tmp_path / str(number)
        path.write_bytes(b"x" * 10)
        uploader.submit(path, Sealed(key=str(number), count=1, first="", last=""), lambda _: None, committed=False)
    assert (3, 30) == waiting()
    uploader.drain()
    assert ((0, 0), ["0", "1", "2"]) == (waiting(), store.keys)


def test_an_outbox_survives_a_crash(store: Store, config: S3Config, tmp_path: Path) -> None:
    """An object put is durable at once and goes up; what a dead process left goes up with the next."""
    store.refusals = 1
    S3Outbox("refused", config, tmp_path).put(Chunk("dead-letters/refused=i", "a", "0", "0", 1, b"{}\n"))
    store.wait_for(lambda: store.refused == 1)
    S3Outbox("refused", config, tmp_path)
    store.wait_for(lambda: bool(store.keys))
    assert "dead-letters/refused=i/a-0.ndjson.zst" == store.keys[0]
