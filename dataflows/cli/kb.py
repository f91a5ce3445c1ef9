"""`cali kb`: the knowledge base of runbooks."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rag.embed import Embedder
    from rag.milvus import MilvusStore

app = typer.Typer(help="The knowledge base: ingest runbooks, search them.", no_args_is_help=True)


@app.command()
def ingest(
    paths: Annotated[list[Path], typer.Argument(help="Markdown files, folders, JSON lists (.json, .json.gz).")],
) -> None:
    """Bring runbooks into the knowledge base; unchanged ones are skipped, vanished ones removed."""
    from rag.ingest import ingest as bring

    for path in paths:
        if not path.exists():
            _fail(f"{str(path)!r} does not exist: give Markdown files, folders, or JSON lists of documents")
    with _store() as (store, embedder):
        report = bring(paths, store, embedder)
    for notice in report.notices:
        print(f"note: {notice}", file=sys.stderr)
    print(f"{report.added} added, {report.updated} updated, {report.unchanged} unchanged, {report.removed} removed")


@app.command()
def search(
    json_lines: Annotated[bool, typer.Option("--json", help="NDJSON on standard input and output.")] = False,
    k: Annotated[int, typer.Option("-k", min=1, max=50, help="Documents at most.")] = 5,
    text: Annotated[str, typer.Argument(help="Without --json: a log message to look up.")] = "",
) -> None:
    """Find runbooks: {"log","service"} in, hits with confidence and verdict out."""
    from dataflows.cli import ndjson
    from dataflows.domain.redaction import redact
    from dataflows.settings import load
    from rag.models import Query
    from rag.retrieve import Retriever

    with _store() as (store, embedder):
        retriever = Retriever(store, embedder, load().rag)

        def answer(line: Mapping[str, Any]) -> Mapping[str, Any]:
            log = redact(ndjson.text_field(line, "log")).text
            found = retriever.find(Query(log, ndjson.text_field(line, "service", "")), k)
            return {
                "hits": [
                    {
                        "doc_id": hit.document.doc_id,
                        "score": round(hit.score, 6),
                        "title": hit.document.title,
                        "section": hit.section,
                    }
                    for hit in found.hits
                ],
                "confidence": round(found.confidence, 4),
                "answerable": round(found.answerable, 4),
                "verdict": found.verdict,
            }

        if json_lines:
            ndjson.run(answer)
        elif text:
            _show(answer({"log": text}))
        else:
            _fail("give a log message, or --json and one JSON object a line on standard input")


@app.command()
def reindex() -> None:
    """Embed every runbook again with the model of the settings, into a new collection."""
    from rag.ingest import reindex as again

    with _store(any_model=True) as (store, embedder):
        print(f"{again(store, embedder)} runbooks embedded again")


@contextmanager
def _store(*, any_model: bool = False) -> "Iterator[tuple[MilvusStore, Embedder]]":
    """The store and the embedder of the settings; what is wrong with them ends the command with one line."""
    from dataflows.settings import load
    from rag.embed import EmbeddingModelError, SentenceTransformerEmbedder
    from rag.milvus import MilvusStore
    from rag.store import StoreError

    config = load().rag
    try:
        embedder = SentenceTransformerEmbedder(config.embedding_model)
        with MilvusStore(config, model=embedder.name, dim=embedder.dim, any_model=any_model) as store:
            yield store, embedder
    except (StoreError, EmbeddingModelError) as err:
        _fail(str(err))


def _show(found: Mapping[str, Any]) -> None:
    print(f"{found['verdict']} (confidence {found['confidence']:.2f})")
    for hit in found["hits"]:
        section = f", {hit['section']}" if hit["section"] else ""
        print(f"  {hit['doc_id']}: {hit['title']}{section}")


def _fail(message: str) -> None:
    print(f"cali kb: {message}", file=sys.stderr)
    raise typer.Exit(2)
