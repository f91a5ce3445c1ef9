"""GetRecords without botocore's layers: which calls go without, and that their faults are the same."""

from typing import Any

import boto3
import pytest
from scripted_calls import FIRST, fault

from connectors import metrics
from connectors.errors import ConnectorError
from connectors.kinesis import KinesisConfig, fast_parser
from connectors.kinesis.client import KinesisClient, Page
from connectors.kinesis.fast_call import FastCall

pytestmark = pytest.mark.slow


class Watched:
    """A client, and how many GetRecords calls botocore itself has sent for it."""

    def __init__(self, url: str, **config: Any) -> None:
        self.client = KinesisClient(KinesisConfig(stream="logs", endpoint_url=url, region="eu-central-1", **config))
        self.slow = 0
        self.client._boto.meta.events.register("before-send.kinesis.GetRecords", self._count)
        self._iterator = self.client.iterator(FIRST, ("TRIM_HORIZON", 0.0), None)

    def get(self) -> Page:
        """Read the first page, always the same."""
        return self.client.get(self._iterator)

    def _count(self, **_: object) -> None:
        self.slow += 1


@pytest.mark.parametrize(("setting", "slow"), [(True, 1), (False, 4)])
def test_the_first_call_is_botocore_s(scripted: Any, *, setting: bool, slow: int) -> None:
    """What botocore sent once is sent without it from then on, with the same answers; the setting turns that off."""
    stream, url = scripted
    stream.add(0, records=3)
    watched = Watched(url, fast_parser=setting)
    before = metrics.KINESIS_SLOW_CALLS._value.get()
    pages = [watched.get() for _ in range(4)]
    counted = metrics.KINESIS_SLOW_CALLS._value.get() - before

    assert [["0:0", "0:1", "0:2"]] * 4 == [[data.decode() for data in page.data] for page in pages]
    assert pages[:1] * 4 == pages
    assert (slow, slow) == (watched.slow, counted)
    assert [{"ShardIterator": f"{FIRST}|0", "Limit": 10_000}] * 4 == [
        asked for _, operation, _, asked in stream.calls if operation == "GetRecords"
    ]


@pytest.mark.parametrize(
    "what",
    [
        "ResourceNotFoundException",
        "InvalidArgumentException",
        "InvalidSignatureException",
        "500",
        "reset",
        "malformed",
    ],
)
def test_a_fault_is_the_same_and_the_next_call_is_botocore_s(scripted: Any, what: str) -> None:
    """Without botocore a fault is told as with it; then botocore calls once, and is followed again."""
    stream, url = scripted
    stream.add(0, records=1)
    watched = Watched(url)
    told = []
    for _ in range(2):  # the first fault meets botocore's call, the second one the call that is like it
        fault(stream, "GetRecords", what)
        with pytest.raises(ConnectorError) as caught:
            watched.get()
        told.append((caught.type, str(caught.value)))
    before = watched.slow
    after = [watched.get().data for _ in range(3)]

    assert told[0] == told[1]
    assert [[b"0:0"]] * 3 == after
    assert (1, 2) == (before, watched.slow)


@pytest.mark.parametrize("what", ["ProvisionedThroughputExceededException", "ExpiredIteratorException"])
def test_what_the_stream_refuses_says_nothing_against_the_call(scripted: Any, what: str) -> None:
    """A throttled stream is asked in the quick way all along: it is then that CPU is short."""
    stream, url = scripted
    stream.add(0, records=1)
    watched = Watched(url)
    watched.get()
    fault(stream, "GetRecords", what)
    with pytest.raises(ConnectorError):
        watched.get()
    assert ([b"0:0"], 1) == (watched.get().data, watched.slow)


def test_each_call_is_signed_with_the_credentials_of_the_moment(scripted: Any) -> None:
    """Credentials that were renewed sign the next call, without botocore and without another look at what it sends."""
    stream, url = scripted
    stream.add(0, records=1)
    session = boto3.session.Session()
    client = session.client("kinesis", region_name="eu-central-1", endpoint_url=url)
    fast_parser.install(client)
    sent: list[dict[str, Any]] = []
    carry = client._endpoint.http_session.send

    def send(request: Any) -> Any:
        sent.append(dict(request.headers))
        return carry(request)

    client._endpoint.http_session.send = send
    fast = FastCall(client, session.get_credentials())
    asked: dict[str, str | int] = {"ShardIterator": f"{FIRST}|0", "Limit": 10}
    fast.get_records(**asked)
    session.get_credentials().access_key, session.get_credentials().token = "renewed", "a-new-token"
    fast.get_records(**asked)
    session.get_credentials().token = None
    fast.get_records(**asked)

    assert ["AWS4-HMAC-SHA256 Credential=renewed"] * 2 == [one["Authorization"].partition("/")[0] for one in sent[1:]]
    assert [None, "a-new-token", None] == [one.get("X-Amz-Security-Token") for one in sent]


def test_a_call_that_is_signed_otherwise_stays_botocore_s(scripted: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """A signed header more than is known here: botocore makes every call, and the log says so once."""
    stream, url = scripted
    stream.add(0, records=1)
    watched = Watched(url)
    watched.client._boto.meta.events.register(
        "before-sign.kinesis.GetRecords", lambda request, **_: request.headers.add_header("X-Amz-More", "of-another")
    )
    pages = [watched.get().data for _ in range(3)]

    assert [[b"0:0"]] * 3 == pages
    assert 3 == watched.slow
    assert 1 == capsys.readouterr().out.count("kinesis.fast_call_off")
