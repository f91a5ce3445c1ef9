"""One bulk call and its verdict, item by item."""

import json
import logging
from collections.abc import Sequence
from typing import Any, NamedTuple

import structlog
from opensearchpy import OpenSearch
from opensearchpy.exceptions import OpenSearchException, TransportError

from connectors.errors import TransientError
from connectors.opensearch.config import OpenSearchConfig

log = structlog.get_logger(__name__)

_RETRIED = frozenset({408, 429, 500, 502, 503, 504})
"""Item and call statuses that time may heal. 403 is too, when it is a write block of a full disk; see `_is_block`."""


_MALFORMED = (AttributeError, KeyError, StopIteration, TypeError, ValueError)
"""What reading an answer of another shape raises: a proxy's page, another server."""


class Doc(NamedTuple):
    """One document, serialised. The same id in the same index is the same document: a replay changes nothing."""

    index_name: str
    id: str
    body: bytes


class Refused(NamedTuple):
    """A document that the index will never take, with the reason it gave."""

    doc: Doc
    reason: str


class BulkResult(NamedTuple):
    """What became of the documents of one call; together they are all of them."""

    acknowledged: list[Doc]
    refused: list[Refused]
    retry: list[Doc]


def connect(config: OpenSearchConfig) -> Any:  # noqa: ANN401 - the client library is untyped
    """A client with its own retries off: the sink's thread decides when to try again."""
    # The library logs each failure with a trace before it raises; whoever catches it tells it once.
    logging.getLogger("opensearch").setLevel(logging.ERROR)
    auth = (config.username, config.password.get_secret_value()) if config.username and config.password else None
    return OpenSearch(
        hosts=[config.url],
        http_auth=auth,
        ca_certs=config.ca_file,
        verify_certs=True,
        timeout=config.timeout_s,
        max_retries=0,
        retry_on_timeout=False,
        http_compress=True,
    )


def bulk(client: Any, docs: Sequence[Doc]) -> BulkResult:  # noqa: ANN401 - OpenSearch client
    """Index documents by id and sort them by the answer.

    Raises:
        TransientError: the call as a whole failed; no document is known to be indexed.
    """
    lines: list[bytes] = []
    for doc in docs:
        lines += (json.dumps({"index": {"_index": doc.index_name, "_id": doc.id}}).encode(), doc.body)
    try:
        answer = client.bulk(body=b"\n".join(lines) + b"\n")
        items = [dict(next(iter(item.values()))) for item in answer["items"]]
    except TransportError as err:
        if _is_refusal(err):
            return _halved(client, docs, err)
        raise TransientError(f"bulk call refused: status {err.status_code}") from err  # noqa: EM102, TRY003
    except (OpenSearchException, OSError, *_MALFORMED) as err:
        raise TransientError(f"bulk call failed: {type(err).__name__}") from err  # noqa: EM102, TRY003
    result = BulkResult([], [], [])
    for doc, item in zip(docs, items, strict=False):
        status = item.get("status")
        if not isinstance(status, int):
            result.retry.append(doc)
        elif status < 300:
            result.acknowledged.append(doc)
        elif status in _RETRIED or _is_block(item):
            result.retry.append(doc)
        else:
            error = item.get("error") or {}
            result.refused.append(Refused(doc, str(error.get("type", status)) if isinstance(error, dict) else "error"))
    result.retry.extend(docs[len(items) :])
    return result


def _is_refusal(err: TransportError) -> bool:
    """The call was too large, or OpenSearch will not take it as it is, such as for one id above 512 bytes."""
    return err.status_code == 413 or (err.status_code == 400 and isinstance(err.info, dict) and "error" in err.info)


def _halved(client: Any, docs: Sequence[Doc], err: TransportError) -> BulkResult:  # noqa: ANN401 - OpenSearch client
    """Narrow a refusal of the whole call down to the document it is for, so that it does not hold up the others."""
    if len(docs) == 1:
        return BulkResult([], [Refused(docs[0], str(err.error))], [])
    middle = len(docs) // 2
    first, second = bulk(client, docs[:middle]), bulk(client, docs[middle:])
    return BulkResult(
        first.acknowledged + second.acknowledged, first.refused + second.refused, first.retry + second.retry
    )


def _is_block(item: dict[str, Any]) -> bool:
    error = item.get("error")
    return item.get("status") == 403 and isinstance(error, dict) and error.get("type") == "cluster_block_exception"
