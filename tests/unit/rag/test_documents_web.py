"""Fetching runbooks by URL: what is allowed, what is refused, what an answer may be."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import pytest

from rag.documents import web
from rag.documents.web import Fetcher

MARKDOWN = b"# Pool exhausted\n\nRestart it.\n"


class Pages(BaseHTTPRequestHandler):
    """Answers by path, and remembers what was asked."""

    asked: ClassVar[list[tuple[str, str]]] = []

    def do_GET(self) -> None:
        self.asked.append((self.path, self.headers["Host"]))
        code, headers, body = {
            "/kb/pool.md": (200, {"Content-Type": "text/markdown"}, MARKDOWN),
            "/list.json": (
                200,
                {},
                json.dumps([{"id": "a/b", "title": "T", "text": "x", "licence": "MIT"}] * 2).encode(),
            ),
            "/page": (200, {"Content-Type": "text/html"}, b"<html>"),
            "/bytes.md": (200, {}, b"\xff\xfe"),
            "/long.md": (200, {}, b"x" * 70_000),
            "/moved": (302, {"Location": "/kb/pool.md"}, b""),
            "/away": (302, {"Location": "http://127.0.0.2/kb/pool.md"}, b""),
            "/file": (302, {"Location": "file:///etc/passwd"}, b""),
            "/loop": (302, {"Location": "/loop"}, b""),
        }.get(self.path, (404, {}, b""))
        self.send_response(code)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
        """Say nothing."""


@pytest.fixture(scope="module")
def host() -> Iterator[str]:
    """A server on this machine."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield f"localhost:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def fetcher(host: str) -> Fetcher:
    """One that may fetch from this machine."""
    return Fetcher([host], plain_http=True, inside=True)


def test_a_markdown_page_is_one_runbook(fetcher: Fetcher, host: str) -> None:
    """Its id is host and path without `.md`, its source and link the URL; the server is asked by its name."""
    url = f"http://{host}/kb/pool.md"
    reading = fetcher.read(url)
    (document,) = reading.documents
    assert (document.doc_id, document.title, document.source, document.url) == (
        f"{host}/kb/pool",
        "Pool exhausted",
        url,
        url,
    )
    assert (reading.root, reading.notices, reading.complete) == (url, [], True)
    assert Pages.asked[-1] == ("/kb/pool.md", host)


def test_a_json_list_brings_its_own_ids(fetcher: Fetcher, host: str) -> None:
    """Items keep id and licence; the same id twice is used once and said."""
    reading = fetcher.read(f"http://{host}/list.json")
    assert [(d.doc_id, d.licence) for d in reading.documents] == [("a/b", "MIT")]
    assert len(reading.notices) == 1


def test_a_redirect_within_the_host_is_followed(fetcher: Fetcher, host: str) -> None:
    """A moved page is found; its id stays that of the URL that was given."""
    assert [d.doc_id for d in fetcher.read(f"http://{host}/moved").documents] == [f"{host}/moved"]


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/away", "CALI_RAG__URL_HOSTS"),
        ("/file", "'file'"),
        ("/loop", "redirects more than"),
        ("/page", "raw file"),
        ("/bytes.md", "not UTF-8"),
        ("/long.md", "more than 65,535"),
        ("/nothing.md", "HTTP 404"),
    ],
)
def test_what_cannot_be_used_is_a_notice(fetcher: Fetcher, host: str, path: str, words: str) -> None:
    """The notice names the URL and the reason; nothing is read and nothing may be removed."""
    url = f"http://{host}{path}"
    reading = fetcher.read(url)
    assert (reading.documents, reading.complete, len(reading.notices)) == ([], False, 1)
    assert words in reading.notices[0]
    assert url in reading.notices[0]


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://docs.example.com/a.md", "only https"),
        ("ftp://docs.example.com/a.md", "only https"),
        ("https://other.example.com/a.md", "CALI_RAG__URL_HOSTS"),
        ("https://docs.example.com.evil.example/a.md", "CALI_RAG__URL_HOSTS"),
        ("https://docs.example.com:8443/a.md", "'docs.example.com:8443'"),
        ("https://docs.example.com@evil.example/a.md", "password"),
        ("https://[::1/a.md", "no URL"),
    ],
)
def test_a_url_that_is_not_allowed_is_refused_before_anything_is_sent(url: str, words: str) -> None:
    """Scheme, host, port and user are checked; no name is resolved for it."""
    reading = Fetcher(["docs.example.com"]).read(url)
    assert (reading.documents, reading.complete) == ([], False)
    assert words in reading.notices[0]


def test_a_password_in_a_url_is_not_repeated() -> None:
    """The notice names the host alone."""
    secret = "hun" + "ter2"
    assert secret not in Fetcher(["a.example"]).read(f"https://me:{secret}@a.example/x.md").notices[0]


def test_an_allowed_host_inside_the_network_is_refused(host: str) -> None:
    """An allowed name that leads to this machine gets no request."""
    before = len(Pages.asked)
    reading = Fetcher([host], plain_http=True).read(f"http://{host}/kb/pool.md")
    assert "not public" in reading.notices[0]
    assert len(Pages.asked) == before


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True),
        ("2606:4700::1111", True),
        *[
            (address, False)
            for address in (
                *("127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.1"),
                *("224.0.0.1", "::1", "fe80::1%eth0", "fd00::1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::"),
            )
        ],
    ],
)
def test_addresses_inside_a_network_are_known(address: str, public: bool) -> None:  # noqa: FBT001 - a table
    """Loopback, private, link-local, shared and metadata addresses are not public, nor in IPv6 clothes."""
    assert web._is_public(address) is public
