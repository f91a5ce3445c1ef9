"""A running bucket and settings for it. Makes `loopback_bucket` importable: tests are no package."""

import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from connectors.s3 import S3Config
from connectors.s3.uploader import Uploader

sys.path.insert(0, str(Path(__file__).parent))

from loopback_bucket import LIMIT_S, Store

DENIED = b"<Error><Code>AccessDenied</Code><Message>no</Message></Error>"


def end_uploaders() -> None:
    """End the uploaders that a test left.

    They go on asking a bucket that is gone, and botocore's retries draw from `random`, whose state Hypothesis watches.
    """
    for thread in threading.enumerate():
        uploader = getattr(getattr(thread, "_target", None), "__self__", None)
        if isinstance(uploader, Uploader):
            with uploader._wake:
                uploader._closing, uploader._deadline = True, 0.0
                uploader._wake.notify_all()
            thread.join(LIMIT_S)
            assert not thread.is_alive(), f"{thread.name} does not end"


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
            if unquote(self.path).removeprefix("/bucket/") in found.bodies:
                self.send_header("ETag", '"e"')
            self.send_header("Content-Length", str(0 if taken else len(DENIED)))
            self.end_headers()
            self.wfile.write(b"" if taken else DENIED)

        def do_HEAD(self) -> None:
            there = unquote(self.path).removeprefix("/bucket/") in found.bodies
            abroad = self.path.startswith("/abroad/")  # in another region
            self.send_response(301 if abroad else 200 if there else 404)
            if there:
                self.send_header("ETag", '"e"')
            self.send_header("Content-Length", "0")
            self.end_headers()

        def do_GET(self) -> None:
            asked = parse_qs(urlsplit(self.path).query)
            there = [key for key in found.bodies if key.startswith(asked["prefix"][0])]
            listed = "".join(f"<Contents><Key>{key}</Key></Contents>" for key in sorted(there))
            body = f"<ListBucketResult>{listed}</ListBucketResult>".encode() if found.lists else DENIED
            self.send_response(200 if found.lists else 403)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it so
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    found.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield found
    end_uploaders()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def config(store: Store) -> S3Config:
    """Settings for that bucket."""
    return S3Config(bucket="bucket", endpoint_url=store.url, region="us-east-1", close_timeout_s=LIMIT_S)
