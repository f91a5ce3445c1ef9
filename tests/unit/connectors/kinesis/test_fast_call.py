"""GetRecords sent without botocore's layers: the signature, what is learnt of a call, and what is not."""

from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from connectors.kinesis.fast_call import Keys, Template, signature, template_of

BODY = b'{"ShardIterator":"AAAA","Limit":10000}'
KIND = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "Kinesis_20131202.GetRecords"}


def signed(url: str, keys: Keys, region: str = "eu-central-1", **more: str) -> dict[str, str]:
    """Headers of a call as botocore signs it, with others that it adds afterwards."""
    request = AWSRequest("POST", url, headers={**KIND, **more}, data=BODY)
    SigV4Auth(Credentials(*keys), "kinesis", region).add_auth(request)
    return {**dict(request.headers.items()), "User-Agent": "u", "amz-sdk-invocation-id": "1", "Content-Length": "38"}


@pytest.mark.parametrize("token", [None, "a-session-token"])
@pytest.mark.parametrize(
    "url",
    [
        "https://kinesis.eu-central-1.amazonaws.com/",
        "https://vpce-0a-1b.kinesis.eu-west-1.vpce.amazonaws.com:443/",
        "http://127.0.0.1:4566/",
        "http://127.0.0.1:80/",
        "http://[::1]:4566/",
        "http://[::1]/",
        "http://LOCALHOST:4566/",
    ],
)
def test_a_call_is_signed_as_botocore_signs_it(url: str, token: str | None) -> None:
    """With and without a session token, with usual and other ports, to names and to both kinds of addresses."""
    keys = Keys("access", "secret", token)
    headers = signed(url, keys)
    learnt = template_of(url, headers, BODY, keys)

    assert learnt == Template(url, {**KIND, "User-Agent": "u"}, "eu-central-1/kinesis/aws4_request")
    assert headers["Authorization"] == signature(learnt, keys, headers["X-Amz-Date"], BODY)


@pytest.mark.parametrize(
    ("url", "more", "keys"),
    [
        ("http://127.0.0.1:4566/", {"X-Amz-More": "signed, and not known here"}, Keys("access", "secret", None)),
        ("http://127.0.0.1:4566/a/path", {}, Keys("access", "secret", None)),
        ("http://127.0.0.1:4566/?a=query", {}, Keys("access", "secret", None)),
        ("http://127.0.0.1:4566/", {}, Keys("access", "another", None)),
        ("http://127.0.0.1:4566/", {}, Keys("another", "secret", None)),
        ("http://127.0.0.1:4566/", {}, Keys("access", "secret", "a-token-that-came-meanwhile")),
    ],
    ids=["a header more", "a path", "a query", "another secret", "another key", "a token more"],
)
def test_what_is_signed_otherwise_is_not_learnt(url: str, more: dict[str, str], keys: Keys) -> None:
    """A call whose signature does not come out here as well stays botocore's."""
    assert template_of(url, signed(url, Keys("access", "secret", None), **more), BODY, keys) is None


@pytest.mark.parametrize("authorization", [None, "", "Bearer of-what", "AWS4-HMAC-SHA256 Credential=a/b"])
def test_a_call_without_a_signature_cannot_be_learnt(authorization: str | None) -> None:
    """What is missing is an error, which whoever watches takes for a no."""
    headers: dict[str, Any] = {**KIND, "X-Amz-Date": "20261122T120813Z", "Authorization": authorization}
    given = {name: value for name, value in headers.items() if value is not None}
    with pytest.raises((KeyError, IndexError)):
        template_of("http://127.0.0.1:4566/", given, BODY, Keys("access", "secret", None))
