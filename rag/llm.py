"""Asks an OpenAI-compatible model one question and returns its structured answer, or says why there is none."""

import json
import math
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from importlib import import_module
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from rag.config import OpenAIConfig
from rag.metrics import Fault

MAX_RETRIES = 1
"""Further attempts after a timeout, a connection error, 408, 409, 429 or 5xx; the SDK waits 0.5 s and more between."""

_CONNECT_S = 5.0
_MESSAGE_TOKENS = 16
"""What a server may add to each message for its role: 3 or 4 with OpenAI's models, more with other templates."""
_NEVER_SENT = frozenset({"ConnectError", "ConnectTimeout"})
"""Names of the HTTP library's exceptions, whichever of its versions the SDK uses."""
_REFUSED = 4
_MAX_BODY_BYTES = 1024 * 1024
"""Largest answer read: 16,000 tokens are about 100 kB of JSON."""
_MOST_TOKENS = 1_000_000_000
"""Most tokens that a server can have counted for one answer: what says more is broken."""
_MAX_WAIT_S = 2.0
"""Longest wait before the second attempt: the SDK would sleep for up to 60 s because a server says so."""


class ModelError(Exception):
    """The model gave no usable answer. Holds no secret, no log text and nothing of the answer."""

    def __init__(self, fault: Fault, detail: str) -> None:
        super().__init__(f"the model gave no usable answer ({fault}): {detail}")
        self.fault = fault


RiskWord = Annotated[str, Field(json_schema_extra={"enum": ["read_only", "reversible", "dangerous"]})]
SeverityWord = Annotated[str, Field(json_schema_extra={"enum": ["info", "warning", "error", "critical"]})]
"""Words that the schema narrows and the reader does not: a lax server's odd word must not cost the answer."""


class WireClaim(BaseModel):
    """One statement. Without length limits: servers differ in which schema keywords they accept."""

    model_config = ConfigDict(extra="forbid")

    text: str
    doc_id: str
    quote: str


class WireAction(WireClaim):
    """Something to do. `risk` is what the model thinks of it; code can only raise it."""

    risk: RiskWord

    @model_validator(mode="before")
    @classmethod
    def _may_lack_a_risk(cls, value: object) -> object:
        return {"risk": "", **value} if isinstance(value, dict) else value


class WireAnswer(BaseModel):
    """What the model fills in; nothing of it is trusted before `rag.verify` has seen it."""

    model_config = ConfigDict(extra="forbid")

    summary: str
    severity: SeverityWord
    causes: list[WireClaim]
    actions: list[WireAction]
    inconclusive: bool

    @model_validator(mode="before")
    @classmethod
    def _may_lack_a_severity(cls, value: object) -> object:
        return {"severity": "", **value} if isinstance(value, dict) else value


@dataclass(frozen=True, slots=True)
class Reply:
    """What the model said, and what it took as the server counts it; both 0 of a server that does not tell both."""

    answer: WireAnswer
    prompt_tokens: int
    completion_tokens: int


class OpenAIModel:
    """One OpenAI-compatible model. Thread-safe; the client is made at the first question.

    `border` sees the messages right before they are sent and returns them without what must not leave.
    """

    def __init__(self, config: OpenAIConfig, border: Callable[[Any], Any] | None = None) -> None:
        self._config = config
        self._border = border
        self._lock = threading.Lock()
        self._client: Any = None
        self._tries = threading.local()
        self.name = config.model

    @property
    def billable(self) -> int:
        """How many attempts of this thread's last `ask` the server may charge for: those it did not refuse."""
        return getattr(self._tries, "billable", 0)

    def tokens_at_most(self, messages: Iterable[Any]) -> int:
        """Return the most tokens that the messages can be: no tokeniser makes more than one of a byte."""
        sent = list(messages) if self._border is None else self._border(list(messages))
        schema = json.dumps(WireAnswer.model_json_schema())
        return len(schema) + sum(len(str(message["content"]).encode()) + _MESSAGE_TOKENS for message in sent)

    def ask(self, messages: Iterable[Any]) -> Reply:
        """Return the answer; block for at most twice the timeout and a moment; raise `ModelError`."""
        import openai  # noqa: PLC0415 - importing it takes a second, and many run without a model

        self._tries.billable = 0
        try:
            completion = self._connected().chat.completions.parse(
                model=self._config.model,
                messages=list(messages) if self._border is None else self._border(list(messages)),
                response_format=WireAnswer,
                max_completion_tokens=self._config.max_output_tokens,
            )
        except openai.APITimeoutError as err:
            raise ModelError(Fault.TIMEOUT, f"no answer within {self._config.timeout_s:g} s") from err
        except openai.APIConnectionError as err:
            raise ModelError(Fault.UNREACHABLE, _unreachable(err)) from err
        except openai.RateLimitError as err:
            raise ModelError(Fault.RATE_LIMITED, "HTTP 429: the quota or rate limit is used up") from err
        except openai.APIStatusError as err:
            raise _status_error(err.status_code) from err
        except openai.LengthFinishReasonError as err:
            limit = self._config.max_output_tokens
            msg = f"more than {limit} tokens: raise CALI_OPENAI__MAX_OUTPUT_TOKENS"
            raise ModelError(Fault.TRUNCATED, msg) from err
        except openai.ContentFilterFinishReasonError as err:
            raise ModelError(Fault.FILTERED, "a content filter stopped it") from err
        except (
            ValidationError,
            ValueError,
            TypeError,
            KeyError,
            AttributeError,
            RecursionError,
            openai.OpenAIError,
        ) as err:
            # Whatever a server that only looks like OpenAI may send: no JSON, a list, no choices.
            raise ModelError(Fault.MALFORMED, f"not what the schema asks for ({type(err).__name__})") from err
        return Reply(_answer(completion), *_usage(completion))

    def close(self) -> None:
        """Close the connections."""
        with self._lock:
            if self._client is not None:
                self._client.close()
                self._client = None

    def _connected(self) -> Any:  # noqa: ANN401 - the SDK's client, imported lazily
        import openai  # noqa: PLC0415 - as above

        with self._lock:
            if self._client is None:
                key = self._config.api_key.get_secret_value() if self._config.api_key else ""
                seconds = self._config.timeout_s
                timeout = openai.Timeout(seconds, connect=min(_CONNECT_S, seconds))
                hooks = {"response": [lambda response: _bound(response, seconds)]}
                self._client = openai.OpenAI(
                    api_key=key or "none",  # servers of one's own often want no key, the SDK wants one
                    base_url=self._config.base_url,
                    timeout=timeout,
                    max_retries=MAX_RETRIES,
                    # Compressed, 1 MB of an answer may become 1 GB: it is bounded as it comes over the wire.
                    default_headers={"Accept-Encoding": "identity"},
                    http_client=_counting(openai.DefaultHttpxClient, self._tries)(timeout=timeout, event_hooks=hooks),
                )
            return self._client


def models(config: OpenAIConfig) -> list[str]:
    """Names of the models that the server offers: proves key and address without asking a question.

    Blocks for at most about `timeout_s`; raises `ModelError`.
    """
    import openai  # noqa: PLC0415 - importing it takes a second

    key = config.api_key.get_secret_value() if config.api_key else ""
    try:
        with openai.OpenAI(
            api_key=key or "none", base_url=config.base_url, timeout=config.timeout_s, max_retries=0
        ) as client:
            return [str(model.id) for model in client.models.list()]
    except openai.APITimeoutError as err:
        raise ModelError(Fault.TIMEOUT, f"no answer within {config.timeout_s:g} s") from err
    except openai.APIConnectionError as err:
        raise ModelError(Fault.UNREACHABLE, _unreachable(err)) from err
    except openai.APIStatusError as err:
        raise _status_error(err.status_code) from err
    except (ValidationError, ValueError, TypeError, AttributeError, openai.OpenAIError) as err:
        raise ModelError(Fault.MALFORMED, f"no list of models ({type(err).__name__})") from err


def _counting(base: Any, tries: threading.local) -> Any:  # noqa: ANN401 - a class of the SDK, imported lazily
    """Return an HTTP client that counts in `tries.billable` the requests that may cost money.

    A connection that was never made and a request answered with 4xx cost nothing.
    """

    class _Counting(base):  # type: ignore[misc] # as above
        def send(self, request: Any, **how: Any) -> Any:  # noqa: ANN401 - as above
            tries.billable += 1
            try:
                response = super().send(request, **how)
            except Exception as err:
                tries.billable -= type(err).__name__ in _NEVER_SENT
                raise
            tries.billable -= response.status_code // 100 == _REFUSED
            return response

    return _Counting


def _bound(response: Any, seconds: float) -> None:  # noqa: ANN401 - a response of the SDK's HTTP library
    """Bound the body of a response in time and size, and the wait that it asks for.

    The HTTP library's read timeout begins anew with every byte that drips in, and it would read without end.
    """
    # The SDK moved from httpx to httpx2 with the same names: take the one that made this response.
    library = import_module(type(response).__module__.partition(".")[0])
    until = time.monotonic() + seconds
    source = response.stream
    response.headers.pop("Content-Encoding", None)  # we asked for none: what comes all the same is no JSON
    if _wait_s(response.headers) > _MAX_WAIT_S:
        response.headers["x-should-retry"] = "false"  # a header of OpenAI's that the SDK obeys

    class _Bounded(library.SyncByteStream):  # type: ignore[misc,name-defined] # the base is only known here
        def __iter__(self) -> Iterator[bytes]:
            size = 0
            for chunk in source:
                size += len(chunk)
                if time.monotonic() > until or size > _MAX_BODY_BYTES:
                    msg = "the answer is too slow or too large"
                    raise library.ReadTimeout(msg, request=response.request)
                yield chunk

        def close(self) -> None:
            source.close()

    response.stream = _Bounded()


def _wait_s(headers: Mapping[str, str]) -> float:
    """Return for how long a server wants to be left alone, seconds; a date counts as long."""
    try:
        if "retry-after-ms" in headers:
            return float(headers["retry-after-ms"]) / 1e3
        return float(headers.get("retry-after", 0))
    except ValueError:
        return math.inf


def _unreachable(err: Exception) -> str:
    if "CERTIFICATE_VERIFY_FAILED" in str(err.__cause__):
        return "its certificate is not trusted: set SSL_CERT_FILE to the file of its CA"
    return "no connection: check CALI_OPENAI__BASE_URL and the network"


def _status_error(status: int) -> ModelError:
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return ModelError(Fault.SERVER_ERROR, f"HTTP {status}")
    return ModelError(Fault.REJECTED, f"HTTP {status}: check CALI_OPENAI__API_KEY, __BASE_URL and __MODEL")


def _answer(completion: Any) -> WireAnswer:  # noqa: ANN401 - checked here, because a server may send anything
    choices = getattr(completion, "choices", None)
    message = getattr(choices[0], "message", None) if isinstance(choices, list) and choices else None
    if message is not None and getattr(message, "refusal", None):
        raise ModelError(Fault.DECLINED, "it refused")
    parsed = getattr(message, "parsed", None)
    if not isinstance(parsed, WireAnswer):
        raise ModelError(Fault.MALFORMED, "no structured answer in it")
    return parsed


def _usage(completion: Any) -> tuple[int, int]:  # noqa: ANN401 - as above
    usage = getattr(completion, "usage", None)
    counts: tuple[Any, Any] = (getattr(usage, "prompt_tokens", 0), getattr(usage, "completion_tokens", 0))
    if not all(isinstance(count, int) and 0 < count <= _MOST_TOKENS for count in counts):
        return 0, 0  # half a bill is none: the budget then keeps the worst case
    return counts
