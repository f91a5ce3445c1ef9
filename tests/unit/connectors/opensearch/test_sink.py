"""The sink: what is not acknowledged is in the state; an index that is down delays and loses nothing."""

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from connectors.opensearch import Doc, OpenSearchConfig, OpenSearchSink, Refused
from connectors.slots import SLOTS

pytestmark = pytest.mark.slow  # a server on loopback

Index = Any
SLOT = "slot-03"


def docs(*ids: str, body: str = "{}") -> list[Doc]:
    """Documents of one index."""
    return [Doc("cali-logs-2026.11.21", doc_id, body.encode()) for doc_id in ids]


class Opened:
    """A sink with one open partition, and what was refused."""

    def __init__(self, config: OpenSearchConfig, directory: Path) -> None:
        self.refused: list[Refused] = []
        self.sink = OpenSearchSink("test", config, directory, self.refused.extend)

    def part(self, state: Any = None) -> Any:
        """The partition, resumed."""
        return self.sink.build_part("out", SLOT, state)


@pytest.fixture
def opened(config: OpenSearchConfig, tmp_path: Path) -> Opened:
    """A sink of the loopback index."""
    return Opened(config, tmp_path)


def test_partitions_are_the_slots(opened: Opened) -> None:
    """The sink's partitions are the fixed slots, each routed to itself."""
    assert list(SLOTS) == opened.sink.list_parts()
    assert list(range(64)) == [opened.sink.part_fn(slot) for slot in SLOTS]


def test_documents_are_indexed_and_forgotten(index: Index, opened: Opened) -> None:
    """What is acknowledged is no longer in the state; the templates are there before the first document."""
    part = opened.part()
    part.write_batch([docs("a"), docs("b", "c")])
    part.close()
    assert ({"a", "b", "c"}, {"docs": [], "files": []}, 2) == (
        set(index.documents),
        part.snapshot(),
        len(index.templates),
    )


def test_an_empty_batch_is_nothing(index: Index, opened: Opened) -> None:
    """A batch without documents makes no call."""
    part = opened.part()
    part.write_batch([[], []])
    part.close()
    assert ([], {"docs": [], "files": []}) == (index.calls, part.snapshot())


def test_a_snapshot_never_waits(index: Index, opened: Opened, assert_plain: Callable[[object], None]) -> None:
    """With the index down a snapshot is there at once and holds every document, as plain data."""
    index.down = True
    part = opened.part()
    part.write_batch([docs("a", "b")])
    state = part.snapshot()
    assert_plain(state)
    assert [tuple(doc) for doc in docs("a", "b")] == state["docs"]
    index.down = False
    part.close()
    assert {"a", "b"} == set(index.documents)


def test_an_index_that_comes_back_gets_everything(index: Index, opened: Opened) -> None:
    """Refused calls are tried again until they are taken."""
    index.down = True
    part = opened.part()
    part.write_batch([docs("a")])
    index.wait_for(lambda: len(index.calls) >= 1)
    part.write_batch([docs("b")])
    index.down = False
    part.close()
    assert ({"a", "b"}, []) == (set(index.documents), part.snapshot()["docs"])


def test_a_malformed_answer_does_not_end_the_sender(index: Index, opened: Opened) -> None:
    """After an answer that no OpenSearch gives, the documents are sent again and indexed."""
    index.script = [lambda _: (200, {"items": ["x"]})]
    part = opened.part()
    part.write_batch([docs("a")])
    part.close()
    assert (["a"], 2) == (list(index.documents), len(index.calls))


def test_only_what_failed_is_sent_again(index: Index, opened: Opened) -> None:
    """Of a call with mixed answers the acknowledged stay, the refused are handed over, the rest is tried again."""

    def mixed(ids: list[str]) -> tuple[int, Any]:
        status = {"a": 201, "b": 429, "c": 400}
        items = [{"index": {"status": status[i], "error": {"type": "mapper_parsing_exception"}}} for i in ids]
        return 200, {"errors": True, "items": items}

    index.script = [mixed]
    part = opened.part()
    part.write_batch([docs("a", "b", "c")])
    part.close()
    assert ([["a", "b", "c"], ["b"]], ["b"]) == (index.calls, list(index.documents))
    assert [("c", "mapper_parsing_exception")] == [(bad.doc.id, bad.reason) for bad in opened.refused]
    assert [] == part.snapshot()["docs"]


def test_a_refusal_that_cannot_be_kept_is_tried_again(index: Index, config: OpenSearchConfig, tmp_path: Path) -> None:
    """If the place for refused documents fails, the document is not forgotten and the sender lives on."""
    attempts = []

    def refuse(refused: list[Refused]) -> None:
        attempts.append(refused)
        if len(attempts) == 1:
            raise OSError

    index.refuse = {"a": 400}
    part = OpenSearchSink("test", config, tmp_path, refuse).build_part("out", SLOT, None)
    part.write_batch([docs("a", "b")])
    part.close()
    assert (2, {"b"}, []) == (len(attempts), set(index.documents), part.snapshot()["docs"])


def test_of_one_id_the_newest_wins(index: Index, opened: Opened) -> None:
    """Versions of a document that wait together are sent as one, the newest; an older one never comes later."""
    index.down = True
    part = opened.part()
    part.write_batch([docs("a", body='{"v":1}')])
    index.wait_for(lambda: bool(index.calls))
    part.write_batch([docs("b"), docs("a", body='{"v":2}')])
    assert 2 == len(part.snapshot()["docs"])
    index.down = False
    part.close()
    assert ('{"v":2}', []) == (index.documents["a"], part.snapshot()["docs"])
    assert 1 == index.calls[-1].count("a")


def test_a_resume_sends_what_was_not_acknowledged(index: Index, opened: Opened, config: Any, tmp_path: Path) -> None:
    """After a crash the documents of the state are sent, by the same ids."""
    index.down = True
    crashed = opened.part()
    crashed.write_batch([docs("a", "b")])
    state = pickle.loads(pickle.dumps(crashed.snapshot()))  # noqa: S301 - our own bytes
    index.down = False
    resumed = Opened(config, tmp_path / "other").part(state)
    resumed.close()
    assert ({"a", "b"}, []) == (set(index.documents), resumed.snapshot()["docs"])


def test_what_memory_has_no_room_for_is_spilled_and_sent_in_order(index: Index, config: Any, tmp_path: Path) -> None:
    """Beyond the bound documents go to disk, later ones follow them, and after the outage all arrive in order."""
    index.down = True
    small = config.model_copy(update={"pending_bytes": 100})
    part = Opened(small, tmp_path).part()
    body = f'{{"x":"{"y" * 60}"}}'
    for number in range(6):
        part.write_batch([docs(f"d{number}", body=body)])
        state = part.snapshot()
    assert (["d0"], 5) == ([doc[1] for doc in state["docs"]], len(state["files"]))
    index.wait_for(lambda: len(index.calls) >= 1)
    index.down = False
    index.wait_for(lambda: len(index.documents) == 6)
    assert [f"d{number}" for number in range(6)] == list(index.documents)
    part.close()


def test_a_spilled_version_is_not_overtaken(index: Index, config: Any, tmp_path: Path) -> None:
    """Old and new version of one document, one in memory and one on disk: the newest is what stays."""
    index.down = True
    small = config.model_copy(update={"pending_bytes": 100})
    part = Opened(small, tmp_path).part()
    for version in (1, 2, 3):
        part.write_batch([docs("a", body=f'{{"v":{version},"x":"{"y" * 60}"}}')])
        part.snapshot()
    index.down = False
    index.wait_for(lambda: '"v":3' in index.documents.get("a", ""))
    part.close()
    assert '"v":3' in index.documents["a"]


def test_a_crash_with_a_spool_loses_nothing(index: Index, config: Any, tmp_path: Path) -> None:
    """Documents in memory and on disk at a crash are all sent after the resume."""
    index.down = True
    small = config.model_copy(update={"pending_bytes": 100})
    crashed = Opened(small, tmp_path / "before").part()
    for number in range(4):
        crashed.write_batch([docs(f"d{number}", body=f'{{"x":"{"y" * 60}"}}')])
    state = pickle.loads(pickle.dumps(crashed.snapshot()))  # noqa: S301 - our own bytes
    (tmp_path / "before").rename(tmp_path / "after")  # the dead process writes there no more
    index.down = False
    resumed = Opened(small, tmp_path / "after").part(state)
    index.wait_for(lambda: len(index.documents) == 4)
    resumed.close()
    assert {f"d{number}" for number in range(4)} == set(index.documents)


def test_a_full_call_does_not_linger(index: Index, config: Any, tmp_path: Path) -> None:
    """Documents enough for a whole call are sent at once, and no call is larger than set."""
    patient = config.model_copy(update={"linger_s": 600.0, "bulk_bytes": 1_000})
    part = Opened(patient, tmp_path).part()
    part.write_batch([docs(*(f"d{number}" for number in range(30)), body='{"x":"' + "y" * 90 + '"}')])
    index.wait_for(lambda: len(index.documents) >= 20)
    part.close()
    assert 30 == len(index.documents)
    assert all(len(call) <= 1_000 // 90 for call in index.calls)
