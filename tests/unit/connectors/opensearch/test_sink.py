"""The sink: what is not acknowledged is in the state; an index that is down delays and loses nothing."""

import pickle
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from connectors.breaker import FAILURES, breaker
from connectors.opensearch import Doc, OpenSearchConfig, OpenSearchSink, Refused
from connectors.slots import SLOTS

pytestmark = pytest.mark.slow  # a server on loopback

Index = Any
SLOT = "slot-03"


def docs(*ids: str, body: str = "{}") -> list[Doc]:
    """Documents of one index."""
    return [Doc("cali-logs-2026.11.21", doc_id, body.encode()) for doc_id in ids]


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for something that no server sees, within a limit."""
    limit = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < limit, "waited too long"
        time.sleep(0.005)


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
    assert [(doc.index_name, doc.id, doc.body) for doc in docs("a", "b")] == state["docs"]
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
    crashed._sender._over = True  # the dead process sends no more
    (tmp_path / "before").rename(tmp_path / "after")  # and writes there no more
    index.down = False
    resumed = Opened(small, tmp_path / "after").part(state)
    index.wait_for(lambda: len(index.documents) == 4)
    resumed.close()
    assert {f"d{number}" for number in range(4)} == set(index.documents)


def test_a_start_without_the_index_makes_it_ready_later(index: Index, opened: Opened) -> None:
    """Templates that could not be put are put before the first document, whenever that is."""
    index.setup_status = 503
    part = opened.part()
    part.write_batch([docs("a")])
    index.wait_for(lambda: len(index.headers) >= 2)
    assert ([], []) == (index.templates, index.calls)
    index.setup_status = 200
    index.wait_for(lambda: "a" in index.documents)
    part.close()
    assert ["cali-logs", "cali-alerts"] == index.templates


def test_an_index_that_fails_again_and_again_is_left_alone(index: Index, config: Any, tmp_path: Path) -> None:
    """After five failures in a row no more calls are made, and what comes goes to disk, not into the state."""
    index.down = True
    part = Opened(config.model_copy(update={"rest_s": 2.0}), tmp_path).part()
    part.write_batch([docs("a")])
    circuit = breaker("opensearch", config.url)
    wait_until(lambda: circuit.state == "open")
    part.write_batch([docs("b")])
    state = part.snapshot()
    assert (["a"], 1) == ([doc[1] for doc in state["docs"]], len(state["files"]))
    index.down = False
    index.wait_for(lambda: {"a", "b"} == set(index.documents))
    part.close()
    assert (FAILURES + 2, "closed") == (len(index.calls), circuit.state)


def test_many_small_spool_files_are_sent_together(index: Index, config: Any, tmp_path: Path) -> None:
    """Every slot has its files, one an epoch: catching up takes a call for many of them, not a linger for each."""
    index.down = True
    patient = config.model_copy(update={"pending_bytes": 1, "linger_s": 2.0})
    sink = Opened(patient, tmp_path).sink
    parts = {slot: sink.build_part("out", slot, None) for slot in SLOTS}
    first = parts[SLOTS[0]]
    first.write_batch([docs("first")])
    index.wait_for(lambda: len(index.calls) >= 1)
    for epoch in range(2):
        for slot, part in parts.items():
            part.write_batch([docs(f"{slot}-{epoch}")])
            part.snapshot()
    begun = len(index.calls)
    index.down = False
    index.wait_for(lambda: len(index.documents) == 2 * len(SLOTS) + 1)
    first.close()
    assert len(index.calls) - begun <= 10


def test_a_slot_leaves_the_spool_in_the_middle_of_an_epoch(index: Index, config: Any, tmp_path: Path) -> None:
    """After an outage documents take the short way again though more come all the time: no snapshot is waited for."""
    index.down = True
    part = Opened(config, tmp_path).part()
    circuit = breaker("opensearch", config.url)
    part.write_batch([docs("memory")])
    wait_until(lambda: circuit.state == "open")
    part.write_batch([docs("sealed")])
    part.snapshot()
    part.write_batch([docs("unsealed")])
    index.down = False
    index.wait_for(lambda: "sealed" in index.documents)
    wait_until(lambda: part._spill.recallable_bytes is not None)
    part.write_batch([docs("next")])
    index.wait_for(lambda: "next" in index.documents)
    assert ["memory", "sealed", "unsealed", "next"] == list(index.documents)
    part.close()
    assert {"docs": [], "files": []} == part.snapshot()


def test_a_throttling_index_gets_everything_in_the_end(index: Index, opened: Opened) -> None:
    """Calls that are taken in part, refused, or answered late lose nothing and double nothing."""
    rng = random.Random(7)  # noqa: S311 - a script, no secret

    def moody(sent: list[str]) -> tuple[int, Any] | None:
        if rng.random() < 0.2:
            return 429, {"error": {"type": "circuit_breaking_exception"}}
        taken = {doc_id for doc_id in sent if rng.random() < 0.7}
        index.documents.update(dict.fromkeys(taken, "{}"))
        items = [{"index": {"status": 201 if doc_id in taken else 429}} for doc_id in sent]
        return 200, {"errors": True, "items": items}

    index.script = [moody] * 6
    part = opened.part()
    names = [f"d{number}" for number in range(50)]
    for name in names:
        part.write_batch([docs(name)])
    index.wait_for(lambda: len(index.documents) == 50)
    part.close()
    assert (set(names), [], []) == (set(index.documents), part.snapshot()["docs"], opened.refused)


def test_a_full_call_does_not_linger(index: Index, config: Any, tmp_path: Path) -> None:
    """Documents enough for a whole call are sent at once, and no call is larger than set."""
    patient = config.model_copy(update={"linger_s": 600.0, "bulk_bytes": 1_000})
    part = Opened(patient, tmp_path).part()
    part.write_batch([docs(*(f"d{number}" for number in range(30)), body='{"x":"' + "y" * 90 + '"}')])
    index.wait_for(lambda: len(index.documents) >= 20)
    part.close()
    assert 30 == len(index.documents)
    assert all(len(call) <= 1_000 // 90 for call in index.calls)
