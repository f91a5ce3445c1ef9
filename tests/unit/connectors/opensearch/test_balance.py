"""The sink answers for every document that it took: at any instant, through outages, spool files and a resume."""

import pickle
from pathlib import Path
from typing import Any

import pytest

from connectors.opensearch import SPOOL_FULL, Doc, OpenSearchSink, Refused
from connectors.opensearch.sender import Entry
from connectors.spool import Pressure

pytestmark = pytest.mark.slow  # a server on loopback

Index = Any
BODY = f'{{"x":"{"y" * 60}"}}'.encode()


class Sink:
    """A sink whose memory holds two documents, and what it said it took."""

    def __init__(self, config: Any, directory: Path, spool_bytes: int = 2**30) -> None:
        self.refused: list[Refused] = []
        self.taken: list[Doc] = []
        small = config.model_copy(update={"pending_bytes": 150})
        self.sink = OpenSearchSink(
            "test",
            small,
            directory,
            self.refused.extend,
            taken=self._take,
            share=Pressure(directory, spool_bytes).share(0.5),
        )

    def _take(self, values: list[list[Doc]]) -> None:
        self.taken += [doc for docs in values for doc in docs]

    def part(self, state: Any = None) -> Any:
        """The partition, resumed."""
        return self.sink.build_part("out", "slot-03", state)

    def balanced(self) -> int:
        """Documents that it answers for."""
        left, right = self.sink.balance()
        assert left == right
        return left


def docs(*ids: str) -> list[Doc]:
    """Documents of one index."""
    return [Doc("cali-logs-2026.11.21", doc_id, BODY, 7) for doc_id in ids]


def test_it_balances_through_an_outage(index: Index, config: Any, tmp_path: Path) -> None:
    """In memory, spilled, recalled, sealed, replaced, refused, acknowledged: each is in one place, at each step."""
    index.down = True
    index.refuse = {"d": 400}
    sink = Sink(config, tmp_path)
    part = sink.part()
    figures = []
    for ids in (("a",), ("b", "a"), ("c",), ("d",), ("e", "e")):
        part.write_batch([docs(*ids), []])
        figures.append(sink.balanced())
        if ids == ("d",):
            part.snapshot()
            figures.append(sink.balanced())
    part.snapshot()
    index.down = False
    index.wait_for(lambda: {"a", "b", "c", "e"} <= set(index.documents))
    part.close()
    assert [1, 3, 4, 5, 5, 7] == figures
    assert (7, 7, 0, {7}) == (
        sink.balanced(),
        len(sink.taken),
        len(part.snapshot()["docs"]),
        {doc.minute for doc in sink.taken},
    )


def test_it_balances_after_a_resume(index: Index, config: Any, tmp_path: Path) -> None:
    """What a state and spool files of a dead process hold is taken by the next one, once, and told to nobody."""
    index.down = True
    crashed = Sink(config, tmp_path / "before")
    part = crashed.part()
    for number in range(5):
        part.write_batch([docs(f"d{number}")])
    state = pickle.loads(pickle.dumps(part.snapshot()))  # noqa: S301 - our own bytes
    part._sender._over = True  # the dead process sends no more
    (tmp_path / "before").rename(tmp_path / "after")  # and writes there no more
    resumed = Sink(config, tmp_path / "after")
    part = resumed.part(state)
    in_memory = resumed.balanced()
    index.down = False
    index.wait_for(lambda: len(index.documents) == 5)
    part.close()
    assert (len(state["docs"]), 5, []) == (in_memory, resumed.balanced(), resumed.taken)


def test_a_full_spool_gives_documents_up_and_says_so(
    index: Index, config: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An outage that lasts: memory, then the share of the spool, then the dead letters; told once, and it balances."""
    index.down = True
    sink = Sink(config, tmp_path, spool_bytes=1_100)
    part = sink.part()
    for number in range(6):
        part.write_batch([docs(f"d{number}")])
    part._sender._over = True
    part.snapshot()
    assert [("d4", SPOOL_FULL), ("d5", SPOOL_FULL)] == [(bad.doc.id, bad.reason) for bad in sink.refused]
    assert (6, 1) == (sink.balanced(), capsys.readouterr().out.count("search.spool_full"))


def test_a_document_that_goes_astray_shows(index: Index, config: Any, tmp_path: Path) -> None:
    """Two are taken and one is queued: the sides differ by one."""
    sink = Sink(config, tmp_path)
    index.down = True
    part = sink.part()
    part._sender.put([Entry(part, doc) for doc in docs("a")], new=2)
    left, right = sink.sink.balance()
    part._sender._over = True
    assert (2, 1) == (left, right)
