"""One bulk call: every document gets its verdict, and a bad answer loses none."""

from collections.abc import Iterator
from typing import Any

import pytest

from connectors.errors import TransientError
from connectors.opensearch import Doc, OpenSearchConfig
from connectors.opensearch.client import BulkResult, bulk, connect

pytestmark = pytest.mark.slow  # a server on loopback


def doc(doc_id: str, body: str = "{}") -> Doc:
    """A document of the one index."""
    return Doc("cali-logs-2026.11.21", doc_id, body.encode())


DOCS = [doc("a"), doc("b"), doc("c")]


@pytest.fixture
def client(config: OpenSearchConfig) -> Iterator[Any]:
    """A client of the loopback index."""
    found = connect(config)
    yield found
    found.close()


def ids(result: BulkResult) -> tuple[list[str], list[str], list[str]]:
    """Ids by verdict: acknowledged, refused, to be tried again."""
    return (
        [found.id for found in result.acknowledged],
        [refused.doc.id for refused in result.refused],
        [found.id for found in result.retry],
    )


def test_acknowledged(index: Any, client: Any) -> None:
    """Documents are indexed by id, and the same id is the same document."""
    result = bulk(client, [*DOCS, doc("a", '{"v":2}')])
    assert (["a", "b", "c", "a"], [], []) == ids(result)
    assert {"a": '{"v":2}', "b": "{}", "c": "{}"} == index.documents


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_an_item_that_time_may_heal_is_tried_again(index: Any, client: Any, status: int) -> None:
    """Throttled or failed inside the cluster: only that document comes back."""
    index.refuse = {"b": status}
    assert (["a", "c"], [], ["b"]) == ids(bulk(client, DOCS))


def test_a_full_disk_is_no_refusal(index: Any, client: Any) -> None:
    """403 is a write block, which an operator lifts: the document is tried again."""
    index.refuse = {"b": 403}
    assert (["a", "c"], [], ["b"]) == ids(bulk(client, DOCS))


@pytest.mark.parametrize("status", [400, 404, 409])
def test_an_item_that_is_refused_has_its_reason(index: Any, client: Any, status: int) -> None:
    """What the index will never take is refused, with the error's type."""
    index.refuse = {"b": status}
    result = bulk(client, DOCS)
    assert (["a", "c"], ["b"], []) == ids(result)
    assert "exception" in result.refused[0].reason


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"items": None},
        {"items": [{}]},
        {"items": ["x"]},
        {"items": [{"index": 7}]},
        [],
        "text",
        b"<html>proxy</html>",
        b"",
        b"{",
    ],
    ids=str,
)
def test_a_malformed_answer_loses_nothing(index: Any, client: Any, body: Any) -> None:
    """An answer that is not one to a bulk call is a passing fault of the call as a whole."""
    index.script = [lambda _: (200, body)]
    with pytest.raises(TransientError):
        bulk(client, DOCS)


def test_an_answer_that_is_too_short_or_has_no_status(index: Any, client: Any) -> None:
    """Documents without a readable verdict are tried again."""
    index.script = [
        lambda _: (200, {"items": [{"index": {"status": 201}}]}),
        lambda _: (200, {"items": [{"index": {"status": "ok"}}, {"index": {}}, {"index": {"status": 201}}]}),
    ]
    assert (["a"], [], ["b", "c"]) == ids(bulk(client, DOCS))
    assert (["c"], [], ["a", "b"]) == ids(bulk(client, DOCS))


@pytest.mark.parametrize("status", [401, 403, 404, 429, 500, 503])
def test_a_call_that_fails_as_a_whole_is_tried_again(index: Any, client: Any, status: int) -> None:
    """Rights, routes and overload are mended outside: nothing is refused for them."""
    index.script = [lambda _: (status, {"error": {"type": "x"}})]
    with pytest.raises(TransientError, match=f"status {status}"):
        bulk(client, DOCS)


@pytest.mark.parametrize("status", [400, 413])
def test_a_document_that_spoils_the_call_is_found(index: Any, client: Any, status: int) -> None:
    """A call refused for one document is halved until that one stands alone: the others are indexed."""

    def spoilt(sent: list[str]) -> tuple[int, Any] | None:
        index.script = [spoilt]
        return (status, {"error": {"type": "too_long"}}) if "b" in sent else None

    index.script = [spoilt]
    result = bulk(client, [*DOCS, doc("d"), doc("e")])
    assert (["a", "c", "d", "e"], ["b"], []) == ids(result)
    assert "too_long" in result.refused[0].reason


def test_a_stranger_s_400_refuses_nothing(index: Any, client: Any) -> None:
    """A 400 that is not OpenSearch's own, such as a proxy's page, is tried again."""
    index.script = [lambda _: (400, b"<html>Bad Request</html>")]
    with pytest.raises(TransientError):
        bulk(client, DOCS)


def test_nobody_there() -> None:
    """A refused connection is a passing fault, and its message holds no password."""
    secret = "hunter" + "2" * 10
    config = OpenSearchConfig.model_validate({"url": "http://127.0.0.1:9", "username": "u", "password": secret})
    client = connect(config)
    with pytest.raises(TransientError) as caught:
        bulk(client, DOCS)
    client.close()
    assert secret not in str(caught.value)
