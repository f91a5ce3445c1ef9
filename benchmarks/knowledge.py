"""Knowledge bases to search: the sample runbooks, and as many more as are wanted, made from them by variation."""

import itertools
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from random import Random

import numpy as np
from milvus_lite.server_manager import server_manager_instance
from numpy.typing import NDArray

from dataflows.domain.records import parse
from dataflows.generate import wire
from dataflows.generate.generator import LogGenerator
from rag.documents import read
from rag.embed import Embedder, card
from rag.evals import labels
from rag.models import Document, Query
from rag.sections import split

ROOT = Path(__file__).resolve().parents[1]
RUNBOOKS = ROOT / "runbooks"
CASES = ROOT / "rag" / "evals" / "cases"
LABELLED = ROOT.parent / "shared" / "data" / "kb"
"""Runbooks with labelled logs that are not shipped: used where they lie beside the checkout."""
LABELS = LABELLED / "queries_dev.json"
_SYLLABLES = "ka le mi no pu ra se ti vo zu gu hy jo lo wi".split()  # noqa: SIM905 - a list of syllables
_WORD = re.compile(r"[A-Za-z]{5,}")
_REPLACED = 0.2
"""Share of the longer words of a variation that are words of no other: real runbooks share their common words."""
_NOISE = 0.6
"""Length of what is added to a sample's vector of length 1: a variation is nearest to it, and far from others."""
_START_TS = 1_795_000_000


def kept() -> Path:
    """Where the labelled runbooks stay ingested: their vectors take minutes."""
    folder = ROOT / ".cali" / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / "labelled.db"


def settle() -> None:
    """Let Milvus Lite write its indexes to the end: a forked process ends without asking, and would leave half a file.

    Closing a client does not end its server; that is done at a normal exit (`milvus_lite.server_manager`).
    """
    server_manager_instance.release_all()


def samples() -> list[Document]:
    """The runbooks that are shipped."""
    return read(RUNBOOKS).documents


def sections(documents: Sequence[Document]) -> int:
    """How many sections they have."""
    return sum(len(split(document.text)) for document in documents)


def enlarged(least: int) -> list[Document]:
    """The samples and variations of them, with at least so many sections; the same ones every time."""
    chance = Random(7)  # noqa: S311 - made-up runbooks
    found = samples()
    originals, count = tuple(found), sections(found)
    for number in itertools.count(1):
        for original in originals:
            if count >= least:
                return found
            varied = _varied(original, number, chance)
            found.append(varied)
            count += len(split(varied.text))
    return found


def _varied(original: Document, number: int, chance: Random) -> Document:
    def other(match: re.Match[str]) -> str:
        return "".join(chance.choices(_SYLLABLES, k=4)) if chance.random() < _REPLACED else match[0]

    return replace(
        original,
        doc_id=f"{original.doc_id}~{number}",
        title=_WORD.sub(other, original.title),
        text=_WORD.sub(other, original.text),
    )


class VariedEmbedder:
    """The real model for questions and samples; a variation gets its sample's vector and noise, not seconds of CPU.

    What ingestion costs is measured with the samples, and what a search costs does not depend on what vectors mean.
    """

    def __init__(self, model: Embedder, documents: Sequence[Document]) -> None:
        """Embed the samples among the documents."""
        self.name, self.dim, self._model = model.name, model.dim, model
        originals = [document for document in documents if "~" not in document.doc_id]
        vectors = dict(
            zip((o.doc_id for o in originals), model.embed([card(original) for original in originals]), strict=True)
        )
        self._of = {card(document): vectors[document.doc_id.partition("~")[0]] for document in documents}
        self._chance = np.random.default_rng(7)

    def embed(self, texts: Sequence[str], *, query: bool = False) -> NDArray[np.float32]:
        """As an `Embedder` does."""
        if query:
            return self._model.embed(texts, query=True)
        noise = self._chance.standard_normal((len(texts), self.dim)) * _NOISE / np.sqrt(self.dim)
        vectors = np.stack([self._of[text] for text in texts]) + noise
        return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)


def queries(count: int) -> list[Query]:
    """Logs of the shipped cases, then one of each of the generator's faults and more of them."""
    found = [label.query for label in labels.read(CASES)]
    made = (e for e in LogGenerator(seed=11, rate=500, start_ts=_START_TS) if e.truth and e.level in {"ERROR", "FATAL"})
    asked: set[str] = set()
    for entry in made:
        if len(found) >= count:
            break
        if entry.truth not in asked or len(asked) > count // 3:
            asked.add(str(entry.truth))
            found.append(Query(parse(wire.render(entry), float(_START_TS))[0].message, entry.service))
    return found[:count]
