"""The books of the running page, read from its metrics: they balance when everything has arrived."""

import gzip
import json
import signal
import socket
import time
from collections import Counter
from typing import Any

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

pytestmark = pytest.mark.slow

SUMS = {
    "read": ("cali_kinesis_records_total", {}),
    "archived": ("cali_spool_records_total", {"sink": "archive"}),
    "unpacked": ("cali_pieces_total", {}),
    "alarming": ("cali_pieces_alarming_total", {}),
    "below": ("cali_pieces_below_level_total", {}),
    "rejected": ("cali_pieces_rejected_total", {}),
    "dead": ("cali_spool_records_total", {"sink": "dead_letters"}),
    "taken": ("cali_books_taken_total", {}),
    "acknowledged": ("cali_search_documents_total", {"sink": "search"}),
}
"""The accounts as docs/books.md names them."""


class Scraped:
    """The metrics of a page; none while it does not listen."""

    def __init__(self, port: int) -> None:
        try:
            text = requests.get(f"http://127.0.0.1:{port}/metrics", timeout=10).text
        except requests.ConnectionError:
            text = ""
        self._samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]

    def total(self, name: str, labels: dict[str, str]) -> int:
        """The sum over the labels that are not given."""
        return int(sum(s.value for s in self._samples if s.name == name and labels.items() <= s.labels.items()))

    @property
    def books(self) -> Counter[str]:
        """Every account that is not empty."""
        return +Counter({account: self.total(*what) for account, what in SUMS.items()})

    @property
    def since(self) -> list[float]:
        """Seconds since the last read and since the last batch."""
        names = ("cali_seconds_since_last_read", "cali_seconds_since_last_batch")
        return [sample.value for name in names for sample in self._samples if sample.name == name]


def wait_until(true: Any, seconds: float = 40.0) -> Any:
    """Ask until the answer is true; the answer."""
    deadline = time.monotonic() + seconds
    while not (answer := true()) and time.monotonic() < deadline:
        time.sleep(0.2)
    return answer


def free_port() -> int:
    """A port nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def line(level: str, message: str) -> bytes:
    """A record in the parsed-fields shape of the wire format."""
    return json.dumps({"level": level, "service": "checkout", "log_content": message}).encode() + b"\n"


def start(pipeline: Any, port: int, **options: Any) -> None:
    """The page, with Bytewax's metrics page on."""
    api = {"BYTEWAX_DATAFLOW_API_ENABLED": "1", "BYTEWAX_DATAFLOW_API_PORT": str(port)}
    pipeline.start(CALI_WINDOW__LENGTH_S="3600", **api, **options)


@pytest.mark.parametrize("workers", [1, 2])
def test_the_books_of_a_run_balance(pipeline: Any, workers: int) -> None:
    """Records, pieces and documents: each side of each identity, and reads that go on while nothing comes."""
    records = [line("INFO", f"order {n} paid") for n in range(300)]
    records += [line("ERROR", f"payment {n} failed") for n in range(40)]
    pipeline.put([*records, gzip.compress(line("ERROR", "zipped") + line("INFO", "ok")), b"not json", b"", b'["a"]'])
    port = free_port()
    start(pipeline, port, workers=workers)
    assert wait_until(lambda: len(pipeline.documents()) == 41)
    expected = Counter(
        read=344, archived=344, unpacked=345, alarming=41, below=301, rejected=3, dead=3, taken=41, acknowledged=41
    )

    assert wait_until(lambda: Scraped(port).books == expected), Scraped(port).books
    wait_until(lambda: Scraped(port).since[1] > 3)
    since_read, since_batch = Scraped(port).since
    status = pipeline.stop()

    assert 0 == status, pipeline.log.read_text()[-3000:]
    assert since_read < 3 < since_batch
    assert "books." not in pipeline.log.read_text()


def test_the_books_balance_after_a_kill(pipeline: Any) -> None:
    """A process that was killed took its books along; what the next one reads again it archives and indexes again."""
    port = free_port()
    start(pipeline, port)
    pipeline.put([line("ERROR", f"payment {n} failed") for n in range(50)])
    assert wait_until(lambda: Scraped(port).books["read"])
    pipeline.stop(signal.SIGKILL)
    pipeline.put([line("ERROR", f"payment {n} failed") for n in range(30)])
    port = free_port()
    start(pipeline, port)
    assert wait_until(lambda: len(pipeline.documents()) == 80)

    books = Scraped(port).books
    status = pipeline.stop()

    assert 0 == status, pipeline.log.read_text()[-3000:]
    assert (books["read"], books["unpacked"], books["alarming"]) == (
        books["archived"],
        books["alarming"] + books["below"] + books["rejected"],
        books["taken"],
    )
    assert 30 <= books["read"] <= 80
