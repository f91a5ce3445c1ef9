"""One bulk call and its verdict, item by item."""

import json
import logging
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
import structlog
from opensearchpy import OpenSearch, Urllib3AWSV4SignerAuth
from opensearchpy.exceptions import OpenSearchException, TransportError

from connectors.deadline import bounded
from connectors.errors import TerminalError, TransientError
from connectors.opensearch.config import OpenSearchConfig

log = structlog.get_logger(__name__)

_RETRIED = frozenset({408, 429, 500, 502, 503, 504})
"""Item and call statuses that time may heal."""
_OF_THE_INDEX = frozenset(
    {
        "cluster_block_exception",
        "index_closed_exception",
        "index_create_block_exception",
        "index_not_found_exception",
        "security_exception",
        "validation_exception",
    }
)
"""Errors of an item that say nothing of the document: a write block of a full disk, a closed index, one that may not be
made (no `auto_create_index`, `cluster.max_shards_per_node` reached), a role that may not write. Every document would be
refused alike until somebody mends it, so they wait."""


_WORD = re.compile(r"[a-z][a-z0-9_.]{0,79}")
"""The type of an error as OpenSearch names it: `mapper_parsing_exception`, `index_not_found_exception`."""

_MALFORMED = (AttributeError, KeyError, StopIteration, TypeError, ValueError)
"""What reading an answer of another shape raises: a proxy's page, another server."""


class Doc(NamedTuple):
    """One document, serialised. The same id in the same index is the same document: a replay changes nothing."""

    index_name: str
    id: str
    body: bytes
    minute: int = 0
    """Minute of arrival of the batch that it is of, for whoever keeps books; 0: of none."""


class Refused(NamedTuple):
    """A document that the index will never take, with the reason it gave."""

    doc: Doc
    reason: str


class BulkResult(NamedTuple):
    """What became of the documents of one call; together they are all of them."""

    acknowledged: list[Doc]
    refused: list[Refused]
    retry: list[Doc]
    why: str = ""
    """The type of the first error for which a document is to be tried again, if it was told."""


def connect(config: OpenSearchConfig) -> Any:  # noqa: ANN401 - the client library is untyped
    """A client with its own retries off: the sink's thread decides when to try again. Certificates are verified.

    Raises:
        TerminalError: the calls are to be signed, and there are no AWS credentials or no region.
    """
    # The library logs each failure with a trace before it raises; whoever catches it tells it once.
    logging.getLogger("opensearch").setLevel(logging.ERROR)
    client = OpenSearch(
        hosts=[config.url],
        http_auth=_auth(config),
        ca_certs=config.ca_file,
        verify_certs=True,
        timeout=config.timeout_s,
        max_retries=0,
        retry_on_timeout=False,
        http_compress=True,
    )
    for connection in client.transport.connection_pool.connections:
        connection.pool.ConnectionCls = bounded(type(connection.pool), config.timeout_s).ConnectionCls
    return client


def _auth(config: OpenSearchConfig) -> Any:  # noqa: ANN401 - what the client library takes
    """User and password, or a signer whose credentials renew themselves (IRSA, Pod Identity, an instance's role)."""
    if config.auth_used == "basic" and config.password is not None:
        return config.username, config.password.get_secret_value()
    if config.auth_used != "sigv4":
        return None
    from botocore.session import Session  # noqa: PLC0415 - a third of a second that only those who sign should pay

    session = Session()
    credentials, region = session.get_credentials(), config.region_used or session.get_config_variable("region")
    if credentials is None:
        msg = "NoCredentials: calls to OpenSearch are to be signed; give a role, a profile or AWS_* variables"
        raise TerminalError(msg)
    if not region:
        msg = "NoRegion: calls to OpenSearch are to be signed; set CALI_OPENSEARCH__REGION or AWS_REGION"
        raise TerminalError(msg)
    return Urllib3AWSV4SignerAuth(credentials, region, config.service_used)


def bulk(client: Any, docs: Sequence[Doc], streamed: str = "") -> BulkResult:  # noqa: ANN401 - OpenSearch client
    """Index documents by id and sort them by the answer.

    Documents of an index whose name begins with `streamed` are created in the data stream `<streamed>stream` instead:
    a stream takes nothing twice and changes nothing, so one that is there already is acknowledged.

    Raises:
        TransientError: the call as a whole failed; no document is known to be indexed.
    """
    lines: list[bytes] = []
    for doc in docs:
        lines += (_line(_action(doc, streamed)), doc.body)
    try:
        answer = client.bulk(body=b"\n".join(lines) + b"\n")
        items = [dict(next(iter(item.values()))) for item in answer["items"]]
    except TransportError as err:
        if _is_refusal(err):
            return _halved(client, docs, streamed, err)
        what = f"status {err.status_code}" if isinstance(err.status_code, int) else type(err).__name__
        raise TransientError(f"bulk call failed: {what}") from err  # noqa: EM102, TRY003
    except (OpenSearchException, OSError, *_MALFORMED) as err:
        raise TransientError(f"bulk call failed: {type(err).__name__}") from err  # noqa: EM102, TRY003
    result, why = BulkResult([], [], []), ""
    by_id = {told: item for item in items if isinstance(told := item.get("_id"), str)}
    for number, doc in enumerate(docs):
        item = items[number] if number < len(items) else by_id.get(doc.id, {})
        told = item.get("_id")
        if isinstance(told, str) and doc.id.isascii() and told != doc.id:  # not in the order of the call
            item = by_id.get(doc.id, {})
        status = item.get("status")
        if not isinstance(status, int) or status < 200:
            result.retry.append(doc)
        elif status < 300 or (status == 409 and _is_streamed(doc, streamed)):
            result.acknowledged.append(doc)
        elif status in _RETRIED or _kind(item) in _OF_THE_INDEX:
            result.retry.append(doc)
            why = why or _kind(item)
        else:
            result.refused.append(Refused(doc, _kind(item) or str(status)))
    return result._replace(why=why)


def _is_streamed(doc: Doc, streamed: str) -> bool:
    return bool(streamed) and doc.index_name.startswith(streamed)


def _action(doc: Doc, streamed: str) -> dict[str, dict[str, str]]:
    if _is_streamed(doc, streamed):
        return {"create": {"_index": f"{streamed}stream", "_id": doc.id}}
    return {"index": {"_index": doc.index_name, "_id": doc.id}}


def _line(action: dict[str, dict[str, str]]) -> bytes:
    try:
        return msgspec.json.encode(action)
    except UnicodeEncodeError:  # half an emoji in an id of an old state: the index shall judge it
        return json.dumps(action).encode()


def _is_refusal(err: TransportError) -> bool:
    """The call was too large, or OpenSearch will not take it as it is, such as for one id above 512 bytes."""
    told = err.status_code == 400 and isinstance(err.info, dict) and "error" in err.info
    return err.status_code == 413 or (told and named(err.error) not in _OF_THE_INDEX)


def _halved(client: Any, docs: Sequence[Doc], streamed: str, err: TransportError) -> BulkResult:  # noqa: ANN401
    """Narrow a refusal of the whole call down to the document it is for, so that it does not hold up the others."""
    if len(docs) == 1:
        return BulkResult([], [Refused(docs[0], named(err.error) or str(err.status_code))], [])
    middle = len(docs) // 2
    first, second = bulk(client, docs[:middle], streamed), bulk(client, docs[middle:], streamed)
    return BulkResult(
        first.acknowledged + second.acknowledged,
        first.refused + second.refused,
        first.retry + second.retry,
        first.why or second.why,
    )


def named(error: object) -> str:
    """The type of an error in an answer, or "" if it is no word.

    Anything else may repeat what was sent: a proxy's page the `Authorization` header, a parser's text the document.
    """
    if isinstance(error, str) and error.startswith("no handler found"):
        return "no_handler"  # no such plugin: OpenSearch says it in a sentence
    return error if isinstance(error, str) and _WORD.fullmatch(error) else ""


def _kind(item: dict[str, Any]) -> str:
    """The type of an item's error, or "" if it told none."""
    error = item.get("error")
    return named(error.get("type")) if isinstance(error, dict) else ""
