"""Reads documents back: for `cali why`, for checks and for tests. The pipeline itself only writes."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, TypeVar

from opensearchpy.exceptions import NotFoundError, OpenSearchException, TransportError
from opensearchpy.helpers import scan

from connectors.errors import TerminalError, TransientError
from connectors.opensearch.client import connect, named
from connectors.opensearch.config import OpenSearchConfig

_T = TypeVar("_T")
_PAGE = 1_000


class Found(NamedTuple):
    """One document."""

    id: str
    source: dict[str, Any]


class IndexReader:
    """Queries over index patterns; an index that does not exist holds nothing. Blocking.

    Raises, from every method:
        TransientError: the index cannot be reached or is overloaded.
        TerminalError: it refused the question; the message is its status and error type.
    """

    def __init__(self, config: OpenSearchConfig) -> None:
        self._client = connect(config)

    def version(self) -> str:
        """What the server says it is, for example `opensearch 3.1.0`."""
        try:
            version = _asked(self._client.info)["version"]
            return f"{version.get('distribution', 'elasticsearch')} {version['number']}"
        except (KeyError, TypeError, AttributeError) as err:
            msg = "something answers there that is no OpenSearch"
            raise TerminalError(msg) from err

    def refresh(self, pattern: str) -> None:
        """Make everything that was acknowledged visible to searches."""
        _asked(lambda: self._client.indices.refresh(index=pattern, ignore_unavailable=True, allow_no_indices=True))

    def search(self, pattern: str, body: dict[str, Any]) -> dict[str, Any]:
        """One search as OpenSearch answers it; at most 10,000 hits."""
        try:
            answer: dict[str, Any] = _asked(
                lambda: self._client.search(index=pattern, body=body, ignore_unavailable=True, allow_no_indices=True)
            )
        except _MissingError:
            return {"hits": {"total": {"value": 0}, "hits": []}, "aggregations": {}}
        return answer

    def documents(self, pattern: str, query: dict[str, Any]) -> Iterator[Found]:
        """Every document that matches, however many, in no order."""

        def every() -> list[Found]:
            hits = scan(self._client, index=pattern, query={"query": query}, size=_PAGE)
            return [Found(hit["_id"], hit["_source"]) for hit in hits]

        try:
            yield from _asked(every)
        except _MissingError:
            return

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


class _MissingError(TerminalError):
    """HTTP 404: the index does not exist, or this is no OpenSearch."""


def _asked(question: Callable[[], _T]) -> _T:
    try:
        return question()
    except NotFoundError as err:
        msg = "HTTP 404"
        raise _MissingError(msg) from err
    except TransportError as err:
        status = err.status_code
        msg = type(err).__name__ if status == "N/A" else f"HTTP {status} ({named(err.error) or 'no reason given'})"
        if isinstance(status, int) and status not in {408, 429} and status < 500:
            raise TerminalError(msg) from err
        raise TransientError(msg) from err
    except (OpenSearchException, OSError) as err:
        raise TransientError(type(err).__name__) from err
