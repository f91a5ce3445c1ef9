"""Fetches runbooks by URL, from allowed hosts only, and never from an address inside the network.

Whoever can name a URL could otherwise have CALI fetch what only CALI can reach. So: an allow list, no redirect to
another host, and a connection to the very address that was checked (a name may resolve differently the next time).
"""

import ipaddress
import socket
import time
from collections.abc import Sequence
from typing import Any
from urllib.parse import SplitResult, urljoin, urlsplit

import requests
from requests.adapters import HTTPAdapter

from rag.documents.json_list import from_json
from rag.documents.markdown import opened
from rag.documents.reading import Reading, UnreadableError, problem_of
from rag.models import Document

MAX_BYTES = 16 * 1024 * 1024
"""Longest answer, unpacked: a list of thousands of runbooks."""
TIMEOUT_S = 30.0
"""Longest time for one URL, redirects included."""
_MOST_REDIRECTS = 3
_WAIT_S = 10.0
_CHUNK = 65_536
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PORTS = {"https": 443, "http": 80}


def is_url(place: str) -> bool:
    """Say whether an argument is a URL and not a path."""
    return "://" in place


class Fetcher:
    """Reads URLs of `hosts` (`docs.example.com`, or with a port `docs.example.com:8443`). Proxies are not used.

    `inside` allows private addresses too, for tests against a server on this machine; no setting does.
    """

    def __init__(self, hosts: Sequence[str], *, plain_http: bool = False, inside: bool = False) -> None:
        self._hosts = frozenset(host.lower() for host in hosts)
        self._schemes = ("https", "http") if plain_http else ("https",)
        self._inside = inside

    def read(self, url: str) -> Reading:
        """Read a Markdown file or a JSON list (a path ending in `.json`); what is wrong becomes a notice.

        Blocks for at most about `TIMEOUT_S`.
        """
        reading = Reading(url)
        try:
            text = self._text(url)
            if urlsplit(url).path.lower().endswith(".json"):
                documents = list(from_json(url, text, reading.notices))
            else:
                documents = [_markdown(url, text)]
        except UnreadableError as err:
            reading.complete = False
            reading.notices.append(str(err))
            return reading
        taken: set[str] = set()
        for document in documents:
            if document.doc_id in taken:
                reading.notices.append(f"{url!r}: id {document.doc_id!r} occurs twice: the first is used")
            else:
                taken.add(document.doc_id)
                reading.documents.append(document)
        return reading

    def _text(self, url: str) -> str:
        deadline = time.monotonic() + TIMEOUT_S
        target = url
        for _ in range(_MOST_REDIRECTS + 1):
            parts = self._allowed(target, url)
            try:
                answer, content = self._get(parts, url, deadline)
            except requests.RequestException as err:
                raise UnreadableError(url, f"cannot be fetched ({type(err).__name__}): try again later") from err
            if answer.status_code in _REDIRECTS:
                target = urljoin(target, answer.headers.get("Location", ""))
                continue
            if answer.status_code != requests.codes.ok:
                raise UnreadableError(url, f"was answered with HTTP {answer.status_code}: correct the URL")
            if "html" in answer.headers.get("Content-Type", ""):
                raise UnreadableError(url, "is a web page, not Markdown: give the URL of the raw file")
            try:
                return content.decode("utf-8-sig")
            except UnicodeDecodeError as err:
                raise UnreadableError(url, f"is not UTF-8 (byte {err.start}): save it as UTF-8") from err
        raise UnreadableError(url, f"redirects more than {_MOST_REDIRECTS} times: give its final URL")

    def _allowed(self, target: str, url: str) -> SplitResult:
        """Return the parts of a URL that may be fetched."""
        try:
            parts = urlsplit(target)
            port = parts.port or _PORTS.get(parts.scheme, 0)
        except ValueError as err:
            raise UnreadableError(url, "is no URL: correct it") from err
        host = (parts.hostname or "").lower()
        if parts.scheme not in self._schemes:
            raise UnreadableError(url, f"leads to {parts.scheme!r}: only {' and '.join(self._schemes)} is fetched")
        if parts.username or parts.password:
            raise UnreadableError(parts.hostname or "", "is given with a password: runbooks are fetched without one")
        name = host if port == _PORTS[parts.scheme] else f"{host}:{port}"
        if not host or name not in self._hosts:
            raise UnreadableError(url, f"leads to the host {name!r}: add it to CALI_RAG__URL_HOSTS to allow it")
        return parts

    def _get(self, parts: SplitResult, url: str, deadline: float) -> tuple[requests.Response, bytes]:
        host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
        address = self._address(host, port, url)
        literal = f"[{address}]" if ":" in address else address
        with requests.Session() as session:
            session.trust_env = False
            session.mount("https://", _Named(host))
            answer = session.get(
                parts._replace(netloc=f"{literal}:{port}", fragment="").geturl(),
                headers={"Host": parts.netloc, "Accept": "text/markdown, text/plain, application/json"},
                timeout=_WAIT_S,
                allow_redirects=False,
                stream=True,
            )
            content = b""
            for chunk in answer.iter_content(_CHUNK):
                content += chunk
                if len(content) > MAX_BYTES:
                    raise UnreadableError(url, f"is larger than {MAX_BYTES:,} bytes: split it")
                if time.monotonic() > deadline:
                    raise UnreadableError(url, f"took longer than {TIMEOUT_S:.0f} s: try again later")
        return answer, content

    def _address(self, host: str, port: int, url: str) -> str:
        """Return an address of `host`; refuse a host that has one inside the network."""
        try:
            found = [str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
        except (OSError, UnicodeError) as err:
            raise UnreadableError(url, f"leads to {host!r}, a name that does not resolve: correct it") from err
        for address in found:
            if not self._inside and not _is_public(address):
                raise UnreadableError(url, f"leads to {address}, an address that is not public: copy the files instead")
        return found[0]  # the resolver puts first what this machine can reach best (RFC 6724)


class _Named(HTTPAdapter):
    """Connects to an address and checks the certificate against the host name that it was resolved from."""

    def __init__(self, host: str) -> None:
        self._host = host
        super().__init__()

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **pool: object) -> None:  # noqa: FBT001, FBT002 - the library's signature
        """Tell urllib3 which name the certificate must have."""
        named: dict[str, Any] = {**pool, "server_hostname": self._host, "assert_hostname": self._host}
        super().init_poolmanager(connections, maxsize, block, **named)


def _is_public(address: str) -> bool:
    ip = ipaddress.ip_address(address.partition("%")[0])
    # An IPv6 address may carry an IPv4 one: mapped, or by the gateways 6to4 and NAT64.
    inner = getattr(ip, "ipv4_mapped", None) or getattr(ip, "sixtofour", None)
    nat64 = ip.version == 6 and ip in ipaddress.ip_network("64:ff9b::/96")
    return ip.is_global and not ip.is_multicast and not nat64 and (inner is None or bool(inner.is_global))


def _markdown(url: str, text: str) -> Document:
    parts = urlsplit(url)
    path = parts.path.strip("/").removesuffix(".md") + (f"?{parts.query}" if parts.query else "")
    doc_id = f"{parts.netloc.lower()}/{path}"
    title, body = opened(text)
    document = Document(doc_id, title or doc_id, body, source=url, url=url)
    if problem := problem_of(document):
        raise UnreadableError(url, f"cannot be used: {problem}")
    return document
