"""What finding the runbooks of a log takes, and how often it is right, beside plain BM25 and plain vectors.

    python benchmarks/retrieval.py [--quick] [--out FOLDER] [--queries 20] [--repeats 1]

Knowledge bases: the sample runbooks, and variations of them up to 1,000 and 10,000 sections. Quality is measured on
labelled logs where they lie beside the checkout (their runbooks are ingested once into .cali/bench, for minutes), else
on the shipped cases. Every way of searching runs in a process of its own, in turn.
"""

import argparse
import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import knowledge
import measuring
import rival
import sentence_transformers  # noqa: F401 - seconds, once, before processes are forked
import structlog

from rag.config import RagConfig
from rag.documents import Reading, read
from rag.embed import Embedder, SentenceTransformerEmbedder
from rag.evals import labels
from rag.evals.measure import Outcome, row
from rag.ingest import ingest, ingest_readings
from rag.milvus import MilvusStore
from rag.models import Document, Query
from rag.retrieve import Retriever

PLAIN, EMBEDDING, VECTORS, OURS = "bm25s alone", "embedding alone", "vectors alone", "CALI"
K = 5
"""Runbooks asked for: as many as an explanation looks at."""


def _config(database: Path) -> RagConfig:
    return RagConfig(milvus_uri=str(database), milvus_timeout_s=60)


def fill(size: int, documents: Sequence[Document], database: Path) -> Mapping[str, float]:
    """Ingest the documents; CPU of the model's loading is left out."""
    model: Embedder = SentenceTransformerEmbedder()
    embedder = knowledge.VariedEmbedder(model, documents) if size else model
    reading = Reading("varied", list(documents)) if size else read(knowledge.RUNBOOKS)
    with MilvusStore(_config(database), model=embedder.name, dim=embedder.dim) as store:
        watch = rival.Stopwatch()
        ingest_readings([reading], store, embedder)
    knowledge.settle()
    return watch.taken()


def search(database: Path, queries: Sequence[Query]) -> Mapping[str, float]:
    """Ask every question in three ways, in turn; milliseconds are told as `<way> cpu_ms_p50` and so on."""
    embedder = SentenceTransformerEmbedder()
    with MilvusStore(_config(database), model=embedder.name, dim=embedder.dim) as store:
        watch = rival.Stopwatch()
        retriever = Retriever(store, embedder, _config(database))
        told = {"index_cpu_s": watch.taken()["cpu_s"]}
        ways: dict[str, Callable[[Query], object]] = {
            EMBEDDING: retriever.vector,
            VECTORS: lambda query: retriever.nearest(query, K),
            OURS: lambda query: retriever.find(query, K),
        }
        taken: dict[str, list[Mapping[str, float]]] = {name: [] for name in ways}
        for number, query in enumerate([queries[0], *queries]):
            for blanks, (name, ask) in enumerate(ways.items()):
                # Another text with the same words: the vectors of the last questions are kept.
                asked = replace(query, log=query.log + "\n" * (blanks + 1))
                one = rival.Stopwatch()
                ask(asked)
                if number:  # the first warms up
                    taken[name].append(one.taken())
    knowledge.settle()
    for name, part in taken.items():
        told |= {f"{name} {figure}": value for figure, value in rival.quantiles(part).items()}
    return told


def _plain(
    documents: Sequence[Document], queries: Sequence[Query], k: int, folder: Path
) -> tuple[measuring.Work, Path]:
    """Plain bm25s over the documents, and where it writes what it finds."""
    questions, hits = folder / f"{len(documents)}-{k}.json", folder / f"{len(documents)}-{k}-hits.json"
    asked = {
        "documents": [(document.doc_id, f"{document.title}\n{document.text}") for document in documents],
        "queries": [f"{query.log} {query.service}" for query in queries],
        "k": k,
    }
    questions.write_text(json.dumps(asked), encoding="utf-8")
    return partial(rival.ask, "plain_bm25.py", str(questions), str(hits)), hits


def speed(sizes: Sequence[int], queries: Sequence[Query], repeats: int, folder: Path) -> list[measuring.Table]:
    """A table of questions and one of ingestion; size 0 stands for the samples."""
    asked: list[list[object]] = []
    ingested: list[list[object]] = []
    imports_mib = rival.resident_mib()
    for size in sizes:
        documents = knowledge.enlarged(size)
        count, database = knowledge.sections(documents), folder / f"{size}.db"
        filled = measuring.measure(partial(fill, size, documents, database))
        variants: dict[str, measuring.Work] = {OURS: partial(search, database, queries)}
        if rival.installed():
            variants[PLAIN], _ = _plain(documents, queries, K, folder)
        costs = measuring.interleaved(variants, repeats)
        name = f"{count:,} of {len(documents):,} runbooks"
        plain = [cost.seen for cost in costs.get(PLAIN, [])]
        ours = [{**cost.seen, "resident_mib": imports_mib + cost.peak_mib} for cost in costs[OURS]]
        asked += [
            [name, *_cells(PLAIN, "", plain)],
            *([name, *_cells(way, way, ours)] for way in (EMBEDDING, VECTORS, OURS)),
        ]
        indexed = [
            measuring.Spread.of([1_000 * s["index_cpu_s"] / count for s in part]) if part else rival.NOT_INSTALLED
            for part in (plain, ours)
        ]
        embedded = "" if size else f"{1_000 * filled.seen['cpu_s'] / count:.1f}"
        ingested.append([name, embedded, *indexed])
    note = (
        f"Milliseconds a question over {len(queries)} logs: median and 95th percentile, each as the median "
        f"(lowest-highest) of {repeats} runs. CPU is of all threads. {EMBEDDING.capitalize()}: the log's vector, "
        f"by the bundled model. {VECTORS.capitalize()}: that, and the nearest in Milvus Lite. {OURS}: the whole "
        f"retrieval, vectors and BM25, ranked and judged. {PLAIN}: the quickstart of its README. Memory: what the "
        "imports took and what came on top; CALI's holds torch, the model and Milvus Lite."
    )
    columns = ("sections", "way", "CPU ms p50", "CPU ms p95", "wall ms p50", "wall ms p95", "memory, MiB")
    ingest_note = (
        "CPU s for 1,000 sections. Ingestion reads, embeds (one vector a runbook) and stores; it is measured with the "
        "samples, whose runbooks are short. The index of words is made anew at each start of a process."
    )
    return [
        measuring.Table("A question", columns, asked, note),
        measuring.Table(
            "Ingestion", ("sections", "ingest", f"index, {PLAIN}", f"index, {OURS}"), ingested, ingest_note
        ),
    ]


def _cells(name: str, way: str, seen: Sequence[Mapping[str, float]]) -> list[object]:
    if not seen:
        return [name, rival.NOT_INSTALLED, "", "", "", ""]
    figures = [f"{way} {kind}_ms_p{p}".strip() for kind in ("cpu", "wall") for p in (50, 95)]
    return [name, *(measuring.Spread.of([s[figure] for s in seen]) for figure in [*figures, "resident_mib"])]


def quality(*, shipped: bool, folder: Path) -> measuring.Table:
    """Share of logs whose first, or one of whose first three runbooks is right."""
    shipped = shipped or not knowledge.LABELS.is_file()
    paths, known = ([knowledge.RUNBOOKS], knowledge.CASES) if shipped else ([knowledge.LABELLED], knowledge.LABELS)
    rows = [label for label in labels.read(known) if label.complete]
    database = folder / "0.db" if shipped else knowledge.kept()
    found, texts = folder / "found.json", folder / "texts.json"

    def ours() -> None:
        embedder = SentenceTransformerEmbedder()
        with MilvusStore(_config(database), model=embedder.name, dim=embedder.dim) as store:
            ingest(paths, store, embedder)
            retriever = Retriever(store, embedder, _config(database))
            ids: dict[str, list[list[str]]] = {OURS: [], VECTORS: []}
            for label in rows:  # one after the other: the vector of a question is computed once
                ids[OURS].append([hit.document.doc_id for hit in retriever.find(label.query, K).hits])
                ids[VECTORS].append([doc_id for doc_id, _ in retriever.nearest(label.query, K)])
            found.write_text(json.dumps(ids), encoding="utf-8")
            texts.write_text(json.dumps([(d.doc_id, d.title, d.text) for d in retriever.documents]), encoding="utf-8")
        knowledge.settle()

    measuring.measure(ours)
    ids = json.loads(found.read_text(encoding="utf-8"))
    documents = [Document(*fields) for fields in json.loads(texts.read_text(encoding="utf-8"))]
    if rival.installed():
        work, hits = _plain(documents, [label.query for label in rows], K, folder)
        work()
        ids[PLAIN] = json.loads(hits.read_text(encoding="utf-8"))
    table = []
    for name in (PLAIN, VECTORS, OURS):
        if name not in ids:
            table.append([name, rival.NOT_INSTALLED, ""])
            continue
        outcomes = [Outcome(label, tuple(part), 0.0, None) for label, part in zip(rows, ids[name], strict=True)]
        told = row(name, outcomes)
        table.append([name, f"{told.hit1:.3f}", f"{told.hit3:.3f}"])
    able = sum(bool(label.relevant) for label in rows)
    which = "the shipped cases" if shipped else "labelled logs that are not shipped; CALI's ranking was fitted on them"
    return measuring.Table(
        "Quality", ("way", "hit@1", "hit@3"), table, f"{able} of {which}, over {len(documents)} runbooks."
    )


def main() -> None:
    """Write the tables."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--quick", action="store_true", help="once, with few questions and the samples only")
    options.add_argument("--out", type=Path, default=measuring.RESULTS)
    options.add_argument("--queries", type=int, default=20)
    options.add_argument("--repeats", type=int, default=1)
    given = options.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(30))
    sizes, count, repeats = ((0,), 15, 1) if given.quick else ((0, 1_000, 10_000), given.queries, given.repeats)
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        tables = speed(sizes, knowledge.queries(count), repeats, folder)
        tables.append(quality(shipped=given.quick, folder=folder))
    measuring.report("retrieval", "Finding runbooks", tables, given.out)


if __name__ == "__main__":
    main()
