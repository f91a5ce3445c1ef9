"""Labels, figures and the fitting of the gate."""

import json
import math
import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from rag import gate
from rag.config import RagConfig
from rag.evals.answers import Answers, measure_answers, told
from rag.evals.calibrate import FEWEST, calibrate, spread
from rag.evals.labels import Label, LabelError, read
from rag.evals.logistic import fit
from rag.evals.measure import Outcome, auroc, measure, missed_verdicts, row, table
from rag.models import Document, Query
from rag.retrieve import Retriever, gate_path
from rag.store import Row, StoreError, content_hash
from rag.tokens import words

ROOT = Path(__file__).parents[3]


class Shelf:
    """An embedder that counts words by their hash, and a store in a dict."""

    name = "bag"
    dim = 64

    def __init__(self, documents: Sequence[Document]) -> None:
        self.rows = {d.doc_id: (Row(d, content_hash(d), "/kb"), self.embed([d.text])[0]) for d in documents}

    def embed(self, texts: Sequence[str], *, query: bool = False) -> NDArray[np.float32]:
        vectors = np.full((len(texts), self.dim), 1e-6, dtype=np.float32)
        for vector, text in zip(vectors, texts, strict=True):
            for word in words(text):
                vector[sum(word.encode()) % self.dim] += 1
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    def documents(self) -> list[Document]:
        return [entry.document for entry, _ in self.rows.values()]

    def stored(self) -> dict[str, tuple[str, str]]:
        return {doc_id: (entry.content_hash, entry.root) for doc_id, (entry, _) in self.rows.items()}

    def nearest(self, vector: NDArray[np.float32], k: int) -> list[tuple[str, float]]:
        cosines = [(doc_id, float(other @ vector)) for doc_id, (_, other) in self.rows.items()]
        return sorted(cosines, key=lambda pair: -pair[1])[:k]


def word(number: int) -> str:
    """A word of its own for each number."""
    return "w" + "".join("abcdefghij"[int(digit)] for digit in str(number)) + "x"


DOCUMENTS = [Document(f"d{n}", f"{word(n)} fails", f"When {word(n)} fails restart it.") for n in range(60)]
LABELS = [Label(f"q{n}", Query(f"error {word(n)} fails", "s"), frozenset({f"d{n}"})) for n in range(30)] + [
    Label(f"n{n}", Query(f"error {word(n)}{word(n)}", "s")) for n in range(100, 120)
]


def retriever(config: RagConfig | None = None) -> Retriever:
    """Search over the made-up documents."""
    shelf = Shelf(DOCUMENTS)
    return Retriever(shelf, shelf, config or RagConfig(milvus_uri="http://nowhere:1"))  # type: ignore[arg-type]


def test_labels_come_from_lists_feedback_and_folders(tmp_path: Path) -> None:
    """The three forms give the same kind of label; feedback that only denies leaves the answer unknown."""
    items = [
        {"log": "a", "service": "s", "relevant": ["x"], "lang": "ko"},
        {"log": "b", "relevant": []},
        {"log": "c", "doc_id": "y", "helpful": True},
        {"log": "d", "doc_id": "y", "helpful": False},
    ]
    (tmp_path / "q.json").write_text(json.dumps(items), encoding="utf-8")
    case = tmp_path / "cases" / "one"
    case.mkdir(parents=True)
    (case / "log.txt").write_text("e", encoding="utf-8")
    (case / "case.json").write_text('{"service": "s", "relevant": ["x"], "verdict": "match"}', encoding="utf-8")
    assert [(set(v.relevant), set(v.wrong), v.complete, v.korean) for v in read(tmp_path / "q.json")] == [
        ({"x"}, set(), True, True),
        (set(), set(), True, False),
        ({"y"}, set(), True, False),
        (set(), {"y"}, False, False),
    ]
    (label,) = read(tmp_path / "cases")
    assert (label.name, label.query, label.verdict) == ("one", Query("e", "s"), "match")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("[", "cannot be read"),
        ("{}", "no JSON list"),
        ("[]", "no labelled logs"),
        ('[{"log": " "}]', "item 0: no log"),
        ('[{"log": "x"}]', "item 0: give `relevant`"),
        ('[{"log": "x", "relevant": [3]}]', "item 0: give `relevant`"),
        ('[{"log": "x", "relevant": [], "verdict": "yes"}]', "'yes'"),
    ],
)
def test_bad_labels_are_named(tmp_path: Path, content: str, words: str) -> None:
    """The error names the entry and what to do."""
    (tmp_path / "q.json").write_text(content, encoding="utf-8")
    with pytest.raises(LabelError, match=words):
        read(tmp_path / "q.json")


def test_every_shipped_case_names_runbooks_that_exist() -> None:
    """The cases of the project can be answered by the runbooks of the project."""
    labels = read(ROOT / "rag" / "evals" / "cases")
    named = {doc_id for label in labels for doc_id in label.relevant}
    assert [doc_id for doc_id in sorted(named) if not (ROOT / "runbooks" / f"{doc_id}.md").is_file()] == []
    assert len(labels) >= 12


def test_figures_are_what_they_say() -> None:
    """Two of three answerable logs are found, one first; one of two matches is right; one of two refusals holds."""
    able, unable = Label("a", Query("x", "s"), frozenset({"r"})), Label("n", Query("x", "s"))
    got = row(
        "t",
        [
            Outcome(able, ("r", "q"), 0.9, "match"),
            Outcome(able, ("q", "r"), 0.5, "related"),
            Outcome(able, ("q",), 0.4, "none"),
            Outcome(unable, ("q",), 0.5, "match"),
            Outcome(unable, (), 0.1, "none"),
        ],
    )
    assert (got.logs, got.hit1, got.hit3, got.mrr) == (5, 1 / 3, 2 / 3, 0.5)
    assert (got.auroc, got.matched, got.precision, got.refused) == (4.5 / 6, 2 / 5, 1 / 2, 1 / 2)
    assert auroc([], [1.0]) is None


def test_the_table_has_both_baselines_and_korean_apart() -> None:
    """CALI, plain BM25 and plain vectors, over all logs and over the Korean ones; baselines give no verdict."""
    labels = [*LABELS, replace(LABELS[0], korean=True)]
    rows = measure(labels, retriever())
    assert [r.name for r in rows] == ["cali", "bm25", "dense", "cali (ko)", "bm25 (ko)", "dense (ko)"]
    assert [(r.hit1, r.matched is None) for r in rows[:2]] == [(1.0, False), (1.0, True)]
    assert len(table(rows).splitlines()) == 7


def test_a_case_with_another_verdict_is_named() -> None:
    """What a case expects and does not get is one sentence."""
    asked = replace(LABELS[0], verdict="none")
    assert ["q0:" in line for line in missed_verdicts([asked, LABELS[1]], retriever())] == [True]


def test_a_logistic_regression_finds_the_slope_that_made_the_labels() -> None:
    """Labels drawn from a known curve give it back; a feature that never varies gets no weight."""
    chance = random.Random(1)  # noqa: S311 - made-up numbers
    inputs = [chance.uniform(-3, 3) for _ in range(20_000)]
    labels = [float(chance.random() < 1 / (1 + math.exp(-(0.5 + 2 * x)))) for x in inputs]
    columns = np.column_stack([inputs, np.ones(len(inputs)), *[np.zeros(len(inputs))] * (len(gate.NAMES) - 2)])
    made = fit(columns, np.array(labels), np.ones(len(labels)))
    assert (abs(made.bias - 0.5) < 0.1, abs(made.weights[0] - 2) < 0.1, made.weights[1:]) == (
        True,
        True,
        (0.0,) * (len(gate.NAMES) - 1),
    )


def test_calibration_learns_to_tell_the_two_kinds_apart(tmp_path: Path) -> None:
    """On made-up logs it separates answerable from not, is used from its file, and is the same every time."""
    path = tmp_path / "new" / "gate.json"
    made = calibrate(LABELS, retriever(), model="bag", match_at=0.5, related_at=0.25)
    again = calibrate(LABELS, retriever(), model="bag", match_at=0.5, related_at=0.25)
    assert made == again
    assert spread(made.expected)["auroc"] == (1.0, 1.0, 1.0)
    gate.save(made.gate, path, {"logs": made.logs})
    loaded = retriever(RagConfig(milvus_uri="http://nowhere:1", gate_path=str(path)))
    assert loaded.gate == made.gate
    assert (loaded.find(LABELS[0].query, 1).verdict, loaded.find(LABELS[-1].query, 1).verdict != "match") == (
        "match",
        True,
    )


def test_too_few_labels_change_nothing() -> None:
    """Below the fewest, or with one kind only, the error says how many there are and what holds instead."""
    for labels in (LABELS[: FEWEST - 1], LABELS[:30] * 2):
        with pytest.raises(LabelError, match="built-in constants hold"):
            calibrate(labels, retriever(), model="bag", match_at=0.5, related_at=0.25)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"model": "bag", "answerable": {"bias": 1, "weights": {}}}'])
def test_a_damaged_gate_file_is_an_error_that_names_it(tmp_path: Path, content: str) -> None:
    """No threshold that nobody chose: the error says how to go back."""
    path = tmp_path / "gate.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(StoreError, match=r"gate\.json.*cali kb calibrate"):
        gate.load(path, "bag")


def test_a_gate_of_another_model_or_none_leaves_the_built_in_constants(tmp_path: Path) -> None:
    """Constants fitted on other cosines are not used."""
    path = tmp_path / "gate.json"
    gate.save(replace(gate.BUILT_IN, model="other"), path, {})
    assert (gate.load(path, "bag"), gate.load(tmp_path / "none", "bag")) == (gate.BUILT_IN, gate.BUILT_IN)
    assert gate.load(path, "other").model == "other"


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (RagConfig(milvus_uri="a/kb.db"), Path("a/kb.gate.json")),
        (RagConfig(milvus_uri="http://milvus:19530"), None),
        (RagConfig(milvus_uri="http://milvus:19530", gate_path="g.json"), Path("g.json")),
    ],
)
def test_the_gate_lies_beside_the_knowledge_base(config: RagConfig, expected: Path | None) -> None:
    """The setting first, then beside a Milvus Lite path, else nowhere."""
    assert gate_path(config) == expected


def test_answers_are_checked_with_a_scripted_model() -> None:
    """What a runbook says is kept, each of four lies about it is dropped; logs without a match are put to no model."""
    text = "# Cause\n\nThe connection pool is exhausted.\n\n# Fix\n\nRestart the service with a larger pool.\n"
    documents = [replace(document, text=text) for document in DOCUMENTS[:1]] + DOCUMENTS[1:]
    shelf = Shelf(documents)
    config = RagConfig(milvus_uri="http://nowhere:1", match_at=0.0, related_at=0.0)
    searched = Retriever(shelf, shelf, config)  # type: ignore[arg-type]
    got = measure_answers([LABELS[0], Label("empty", Query("", "s"))], searched)
    assert (got.logs, got.answered, got.kept, got.dropped) == (2, 1, 1.0, 1.0)
    assert (got.honest > 0, got.lies == 4 * got.honest) == (True, True)
    assert got.cpu_ms_p95 >= got.cpu_ms_p50 > 0


def test_what_answers_cost_is_told_with_prices() -> None:
    """1,000 tokens at 2 dollars and 500 at 8 a million are 0.6 cents; nothing is said of what was not measured."""
    some = Answers(9, 6, 12, 1.0, 48, 0.5, 1_000.0, 2_000.0, 40.0, 90.0)
    priced = told(some, usd_in=2.0, usd_out=8.0, output=500)
    assert ("0.0060 dollars" in priced, "dollars" in told(some), "1.000 of 12 quotations kept" in priced) == (
        True,
        False,
        True,
    )
    assert "cost" not in told(Answers(9, 0, 0, None, 0, None, None, None, 40.0, 90.0))
