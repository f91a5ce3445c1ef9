"""One bulk call: every document gets its verdict, and a bad answer loses none."""

import base64
import hashlib
import os
import re
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from connectors.errors import TerminalError, TransientError
from connectors.opensearch import Doc, OpenSearchConfig
from connectors.opensearch.client import BulkResult, bulk, connect, named

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


def test_half_a_character_in_an_id_holds_up_nothing(index: Any, client: Any) -> None:
    """An id that is no UTF-8 is the index's to judge; the documents beside it go in."""
    result = bulk(client, [doc("a"), doc("\ud83d"), doc("c")])
    assert (["a", "\ud83d", "c"], [], []) == ids(result)
    assert {"a", "\ud83d", "c"} == set(index.documents)


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_an_item_that_time_may_heal_is_tried_again(index: Any, client: Any, status: int) -> None:
    """Throttled or failed inside the cluster: only that document comes back."""
    index.refuse = {"b": status}
    assert (["a", "c"], [], ["b"]) == ids(bulk(client, DOCS))


def test_a_full_disk_is_no_refusal(index: Any, client: Any) -> None:
    """403 is a write block, which an operator lifts: the document is tried again."""
    index.refuse = {"b": 403}
    assert (["a", "c"], [], ["b"]) == ids(bulk(client, DOCS))


@pytest.mark.parametrize("leaves_out", [0, 1])
def test_a_verdict_goes_to_the_document_that_it_names(index: Any, client: Any, leaves_out: int) -> None:
    """In another order, or without the first: no other document's success is taken for one that failed."""
    items = [{"index": {"_id": doc_id, "status": status}} for doc_id, status in (("b", 500), ("c", 400), ("a", 201))]
    index.script = [lambda _: (200, {"errors": True, "items": items[leaves_out:]})]
    assert (["a"], ["c"], ["b"]) == ids(bulk(client, DOCS))


@pytest.mark.parametrize("told", [{}, {"_id": None}, {"_id": []}])
def test_items_that_name_no_document_go_by_order(index: Any, client: Any, told: dict[str, Any]) -> None:
    """As the bulk API promises it; what is no id is as good as none."""
    items = [{"index": {**told, "status": status}} for status in (201, 500, 400)]
    index.script = [lambda _: (200, {"errors": True, "items": items})]
    assert (["a"], ["c"], ["b"]) == ids(bulk(client, DOCS))


@pytest.mark.parametrize("status", [0, True])
def test_a_status_that_is_none_is_no_success(index: Any, client: Any, status: int) -> None:
    """Only 2xx is: what has another one below is tried again."""
    index.script = [lambda _: (200, {"items": [{"index": {"_id": found.id, "status": status}} for found in DOCS]})]
    assert ([], [], ["a", "b", "c"]) == ids(bulk(client, DOCS))


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


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "validation_exception"),
        (400, "index_closed_exception"),
        (403, "security_exception"),
        (403, "index_create_block_exception"),
        (404, "index_not_found_exception"),
    ],
)
def test_an_index_that_takes_nothing_refuses_no_document(index: Any, client: Any, status: int, kind: str) -> None:
    """Too many shards, a role that may not write: every document waits, and the reason is told."""
    item = {"index": {"status": status, "error": {"type": kind, "reason": "[1000]/[1000] shards open"}}}
    index.script = [lambda asked: (200, {"errors": True, "items": [item for _ in asked]})]
    result = bulk(client, DOCS)
    assert (([], [], ["a", "b", "c"]), kind) == (ids(result), result.why)


def test_a_call_to_an_index_that_takes_nothing_is_tried_again(index: Any, client: Any) -> None:
    """The same said of the whole call is no reason to look for the one document that is to blame."""
    index.script = [lambda _: (400, {"error": {"type": "validation_exception"}, "status": 400})]
    with pytest.raises(TransientError, match="bulk call failed: status 400"):
        bulk(client, DOCS)
    assert [["a", "b", "c"]] == index.calls


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
    with pytest.raises(TransientError, match=f"bulk call failed: status {status}"):
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
    with pytest.raises(TransientError, match="bulk call failed: ConnectionError") as caught:
        bulk(client, DOCS)
    client.close()
    assert secret not in str(caught.value)


STREAMED = "cali-logs-"


def test_a_stream_takes_nothing_twice(index: Any, client: Any) -> None:
    """Records go to the data stream as new ones; one that is there already counts as indexed. Alerts do not change."""
    index.refuse = {"b": 409}
    alert = Doc("cali-alerts-2026.11", "x", b"{}")
    assert (["a", "b", "c", "x"], [], []) == ids(bulk(client, [*DOCS, alert], STREAMED))
    stream = {"_index": "cali-logs-stream"}
    assert [
        *({"create": {**stream, "_id": doc_id}} for doc_id in "abc"),
        {"index": {"_index": "cali-alerts-2026.11", "_id": "x"}},
    ] == index.actions


def test_a_conflict_elsewhere_is_a_refusal(index: Any, client: Any) -> None:
    """409 means that it is there only where nothing is overwritten."""
    index.refuse = {"x": 409}
    assert ([], ["x"], []) == ids(bulk(client, [Doc("cali-alerts-2026.11", "x", b"{}")], STREAMED))


def test_user_and_password_are_sent(index: Any, config: OpenSearchConfig) -> None:
    """Basic authentication, as RFC 7617 has it."""
    password = "hunter" + "2" * 10
    client = connect(config.model_validate({**config.model_dump(), "username": "cali", "password": password}))
    bulk(client, DOCS)
    client.close()
    assert "Basic " + base64.b64encode(f"cali:{password}".encode()).decode() == index.headers[-1]["authorization"]


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment whose credentials sign nothing real."""
    for name in ("AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    for name, value in (
        ("AWS_ACCESS_KEY_ID", "AKIA" + "TEST" * 4),
        ("AWS_SECRET_ACCESS_KEY", "x" * 40),
        ("AWS_SESSION_TOKEN", "t" * 20),
        ("AWS_CONFIG_FILE", os.devnull),
        ("AWS_SHARED_CREDENTIALS_FILE", os.devnull),
        ("AWS_EC2_METADATA_DISABLED", "true"),
    ):
        monkeypatch.setenv(name, value)
    return monkeypatch


@pytest.mark.parametrize(("service", "region"), [("es", "eu-west-1"), ("aoss", "ap-northeast-2")])
def test_a_signed_call_is_what_aws_expects(
    index: Any, config: OpenSearchConfig, aws: pytest.MonkeyPatch, service: str, region: str
) -> None:
    """The signature of the call that came in, over its compressed body, is the one botocore makes of it."""
    signed = config.model_copy(update={"auth": "sigv4", "service": service, "region": region})
    client = connect(signed)
    bulk(client, DOCS)
    client.close()
    got = {name.lower(): value for name, value in index.headers[-1].items()}
    names = re.search(r"SignedHeaders=([^,]+)", got["authorization"])
    assert names is not None
    assert f"/{region}/{service}/aws4_request" in got["authorization"]
    assert {"host", "x-amz-date", "x-amz-security-token", "x-amz-content-sha256"} <= set(names[1].split(";"))
    assert hashlib.sha256(index.raw[-1]).hexdigest() == got["x-amz-content-sha256"]
    request = AWSRequest("POST", f"{index.url}/_bulk", data=index.raw[-1])
    request.context["timestamp"] = got["x-amz-date"]
    for name in names[1].split(";"):
        request.headers[name] = got[name]
    signer = SigV4Auth(Credentials("AKIA" + "TEST" * 4, "x" * 40, "t" * 20), service, region)
    text = signer.string_to_sign(request, signer.canonical_request(request))
    assert f"Signature={signer.signature(text, request)}" in got["authorization"]


def test_a_signer_needs_credentials_and_a_region(config: OpenSearchConfig, aws: pytest.MonkeyPatch) -> None:
    """What is missing is told with what to set, before any call."""
    signed = config.model_copy(update={"auth": "sigv4"})
    with pytest.raises(TerminalError, match=r"NoRegion: .* set CALI_OPENSEARCH__REGION"):
        connect(signed)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        aws.delenv(name)
    with pytest.raises(TerminalError, match=r"NoCredentials: .* give a role"):
        connect(signed.model_copy(update={"region": "eu-west-1"}))


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ("mapper_parsing_exception", "mapper_parsing_exception"),
        ("no handler found for uri [/_plugins/_ism/policies/x] and method [GET]", "no_handler"),
        ("Authorization: Basic " + "Y2FsaTo" + "x" * 12, ""),
        ("<html>refused: Authorization</html>", ""),
        ({"reason": "echo"}, ""),
        (None, ""),
    ],
)
def test_only_the_type_of_an_error_is_told(error: object, expected: str) -> None:
    """A text of a proxy may repeat the header that was sent, so nothing but a word of OpenSearch is passed on."""
    assert expected == named(error)
