"""GetRecords sent without botocore's layers: a third of the CPU of an empty read.

botocore makes each call anew: it resolves the endpoint, puts the user agent together twice, asks some ten hooks, and
signs by rules for every service there is. Of a read that brings nothing that is nearly all the cost. This module
watches the calls that botocore makes, and sends the next ones like them: to the same address, with the same headers,
through the same connections (with their proxy, certificates and time-outs), signed with the credentials of the moment.

Nothing is taken on trust: the signature that botocore sent must come out here as well, or botocore goes on alone. And
what fails here is tried next by botocore itself, which is then watched again.
"""

import hmac
import time
from collections.abc import Callable
from hashlib import sha256
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import msgspec
import structlog
from botocore.awsrequest import AWSPreparedRequest
from botocore.endpoint import convert_to_response_dict
from botocore.exceptions import ClientError

from connectors.kinesis.fast_parser import RAW

log = structlog.get_logger(__name__)

_OPERATION = "GetRecords"
_ALGORITHM = "AWS4-HMAC-SHA256"
_OF_ONE_CALL = frozenset(
    {
        "authorization",
        "content-length",
        "x-amz-date",
        "x-amz-security-token",
        "amz-sdk-invocation-id",  # by which AWS tells retries of a call: there are none here, and it may be absent
        "amz-sdk-request",
    }
)
"""Headers that belong to one call; all others are sent as botocore sent them."""
_OF_THE_STREAM = frozenset({"ProvisionedThroughputExceededException", "ExpiredIteratorException"})
"""Errors that say nothing against how the call was made."""
_OK = 200
_PORTS = {"http": 80, "https": 443}


class Keys(NamedTuple):
    """Credentials of one moment."""

    access_key: str
    secret_key: str
    token: str | None


class Template(NamedTuple):
    """What calls have in common."""

    url: str
    headers: dict[str, str]
    """Sent as they are; names as botocore wrote them."""
    scope: str
    """Region, service and `aws4_request`: what a signature is good for, without its day."""


def signature(template: Template, keys: Keys, date: str, body: bytes) -> str:
    """The Authorization header of a POST to the root, by Signature Version 4.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html

    `date` is as in X-Amz-Date, `20261122T120813Z`.
    """
    lower = {name.lower(): value for name, value in template.headers.items()}
    signed = {
        "content-type": lower["content-type"],
        "host": _host(template.url),
        "x-amz-date": date,
        **({"x-amz-security-token": keys.token} if keys.token else {}),
        "x-amz-target": lower["x-amz-target"],
    }  # in order of their names
    names = ";".join(signed)
    headers = "".join(f"{name}:{value}\n" for name, value in signed.items())
    canonical = f"POST\n/\n\n{headers}\n{names}\n{sha256(body).hexdigest()}"
    scope = f"{date[:8]}/{template.scope}"
    key = f"AWS4{keys.secret_key}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    told = f"{_ALGORITHM}\n{date}\n{scope}\n{sha256(canonical.encode()).hexdigest()}"
    proof = hmac.digest(key, told.encode(), "sha256").hex()
    return f"{_ALGORITHM} Credential={keys.access_key}/{scope}, SignedHeaders={names}, Signature={proof}"


def template_of(url: str, headers: dict[str, str], body: bytes, keys: Keys) -> Template | None:
    """What a call of botocore's has in common with the next; None if it is not signed as it would be here.

    Raises:
        KeyError, IndexError: a header is not there, or not as it is known.
    """
    lower = {name.lower(): value for name, value in headers.items()}
    scope = lower["authorization"].partition("Credential=")[2].partition(",")[0].split("/", 2)[2]
    kept = {name: value for name, value in headers.items() if name.lower() not in _OF_ONE_CALL}
    template = Template(url, kept, scope)
    if signature(template, keys, lower["x-amz-date"], body) != lower["authorization"]:
        return None
    return template


class FastCall:
    """GetRecords of one client. Thread-safe: what is learnt is replaced as a whole."""

    def __init__(self, client: Any, credentials: Any) -> None:  # noqa: ANN401 - botocore is untyped
        """`client` is watched from now on; `credentials` are those of its session, and renew themselves.

        Raises:
            AttributeError: botocore is not made as it was in 1.44.
        """
        endpoint = client._endpoint  # noqa: SLF001 - there is no public way to the connections
        self._send = endpoint.http_session.send
        self._parsers = endpoint._response_parser_factory  # noqa: SLF001 - likewise, to what parses answers
        self._operation = client.meta.service_model.operation_model(_OPERATION)
        self._protocol = client.meta.service_model.resolved_protocol
        self._slow = client.get_records
        self._credentials = credentials
        self._template: Template | None = None
        self._told = False
        client.meta.events.register(f"before-send.kinesis.{_OPERATION}", self._watch)

    def get_records(self, **asked: str | int) -> Any:  # noqa: ANN401 - as botocore answers
        """As boto3's method of that name, with exceptions of the same kinds."""
        template = self._template
        if template is None:
            return self._slow(**asked)
        try:
            return self._sent(template, msgspec.json.encode(asked))
        except ClientError as err:
            if err.response.get("Error", {}).get("Code") not in _OF_THE_STREAM:
                self._template = None
            raise
        except Exception:
            self._template = None
            raise

    def _sent(self, template: Template, body: bytes) -> Any:  # noqa: ANN401 - as botocore answers
        date, keys = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()), self._keys()
        headers = {
            **template.headers,
            "X-Amz-Date": date,
            **({"X-Amz-Security-Token": keys.token} if keys.token else {}),
            "Authorization": signature(template, keys, date, body),
            "Content-Length": str(len(body)),
        }
        answer = self._send(AWSPreparedRequest("POST", template.url, headers, body, stream_output=False))
        told = convert_to_response_dict(answer, self._operation)
        parsed = self._parsers.create_parser(self._protocol).parse(told, self._operation.output_shape)
        if answer.status_code != _OK:
            raise ClientError(parsed, _OPERATION)
        if RAW not in parsed:  # no answer of GetRecords as it is known: botocore shall ask next
            self._template = None
        return parsed

    def _keys(self) -> Keys:
        """May ask for new credentials, as botocore does before they end, and raise botocore's exceptions."""
        frozen = self._credentials.get_frozen_credentials()
        return Keys(frozen.access_key, frozen.secret_key, frozen.token)

    def _watch(self, request: Any, **_: object) -> None:  # noqa: ANN401 - botocore is untyped
        """Learn from a call that botocore is about to send."""
        try:
            headers = {name: _text(value) for name, value in request.headers.items()}
            self._template = template_of(request.url, headers, request.body, self._keys())
        except (AttributeError, KeyError, IndexError, TypeError, ValueError) as err:
            self._tell(type(err).__name__)
        else:
            if self._template is None:
                self._tell("disagrees")

    def _tell(self, error: str) -> None:
        if not self._told:
            self._told = True
            log.warning(
                "kinesis.fast_call_off", error=error, effect="botocore calls until it agrees: three times the CPU"
            )


def get_records(client: Any, session: Any) -> Callable[..., Any]:  # noqa: ANN401 - botocore is untyped
    """The client's `get_records`, quicker if that is possible."""
    try:
        return FastCall(client, session.get_credentials()).get_records
    except AttributeError as err:
        log.warning("kinesis.fast_call_off", error=type(err).__name__, effect="botocore calls: three times the CPU")
        return client.get_records  # type: ignore[no-any-return] # botocore is untyped


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value


def _host(url: str) -> str:
    """As a Host header has it: without the port that goes without saying."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2].lower()
    return host.removesuffix(f":{_PORTS.get(parts.scheme)}")
