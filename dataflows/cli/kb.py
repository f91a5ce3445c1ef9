"""`cali kb`: the knowledge base of runbooks."""

import json
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from dataflows.cli import incidents
from dataflows.render.clean import one_line

if TYPE_CHECKING:
    from rag.documents import Reading
    from rag.embed import Embedder
    from rag.evals.labels import Label
    from rag.milvus import MilvusStore

_PATIENCE_S = 60.0
"""Longest wait for one Milvus call: nobody's alert waits for these commands, and they ask for more than alerts do."""
_BARE_HEAD = re.compile(
    r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
    r"(?!(?:\\[nr]|[^A-Za-z0-9+/])*+(?:[A-Za-z0-9+/]{16}|Proc-Type:|DEK-Info:|Version:|Comment:))"
)
"""The first line of a private key without a key: a runbook names it, and what stands below is no secret."""
app = typer.Typer(
    help="The knowledge base: ingest runbooks, search them, measure and calibrate the answers.", no_args_is_help=True
)
app.command()(incidents.feedback)
app.command()(incidents.resolve)
app.add_typer(incidents.app, name="incidents")


@app.command()
def ingest(
    places: Annotated[
        list[str],
        typer.Argument(
            metavar="PATH|URL...",
            help="Markdown files, folders, Git checkouts, JSON lists (.json, .json.gz), or URLs of allowed hosts.",
        ),
    ],
) -> None:
    """Bring runbooks into the knowledge base; unchanged ones are skipped, vanished ones removed."""
    from dataflows.settings import load
    from rag.documents import is_url, read
    from rag.documents.web import Fetcher
    from rag.ingest import ingest_readings

    for place in places:
        if not place.strip() or (not is_url(place) and not Path(place).exists()):
            _fail(f"{place!r} does not exist: give Markdown files, folders, JSON lists of documents, or URLs")
    config = load().rag
    fetcher = Fetcher(config.url_hosts, plain_http=config.url_plain_http)
    readings = [fetcher.read(place) if is_url(place) else read(Path(place)) for place in places]
    for reading in readings:
        _redact(reading)
    with _store() as (store, embedder):
        report = ingest_readings(readings, store, embedder)
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


@app.command("eval")
def evaluate(
    queries: Annotated[list[Path], typer.Argument(help="Labelled logs: JSON lists or folders of cases.")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object instead of the table.")] = False,
) -> None:
    """Measure the knowledge base on labelled logs, beside plain BM25 and plain vectors; no model is asked."""
    from dataflows.settings import load
    from rag.evals.answers import measure_answers, told
    from rag.evals.measure import measure, missed_verdicts, table
    from rag.retrieve import Retriever

    labels, settings = _labels(queries), load()
    with _store() as (store, embedder):
        retriever = Retriever(store, embedder, settings.rag)
        rows, missed = measure(labels, retriever), missed_verdicts(labels, retriever)
        answers = measure_answers(labels, retriever)
    if as_json:
        print(json.dumps({"rows": [asdict(row) for row in rows], "answers": asdict(answers), "missed": missed}))
        return
    openai = settings.openai
    prices = {"usd_in": openai.usd_per_million_input_tokens, "usd_out": openai.usd_per_million_output_tokens}
    print(table(rows))
    print(told(answers, **prices, output=openai.max_output_tokens))
    for line in missed:
        print(line)


@app.command()
def calibrate(
    queries: Annotated[
        list[Path] | None, typer.Argument(help="Labelled logs and feedback: JSON lists or folders of cases.")
    ] = None,
    feedback: Annotated[
        bool, typer.Option("--feedback", help="Also learn from what `cali kb feedback` was told.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Measure, write nothing.")] = False,
) -> None:
    """Fit to labelled logs how sure an answer must look; a running pipeline takes it over with its next refresh."""
    from dataflows.settings import load
    from rag import gate
    from rag.evals.calibrate import calibrate as fit
    from rag.evals.calibrate import spread
    from rag.evals.labels import LabelError
    from rag.retrieve import Retriever, gate_path

    if not queries and not feedback:
        _fail("give labelled logs, or --feedback for what readers said, or both")
    labels, config = _labels(queries or []), load().rag
    path = gate_path(config)
    if path is None and not dry_run:
        _fail("with a Milvus server CALI_RAG__GATE_PATH must say where the constants are written")
    with _store() as (store, embedder):
        retriever = Retriever(store, embedder, config)
        if feedback:
            labels += _feedback({document.doc_id for document in retriever.documents})
        try:
            made = fit(labels, retriever, model=embedder.name, match_at=config.match_at, related_at=config.related_at)
        except LabelError as err:
            _fail(str(err))
    figures = spread(made.expected)
    print(
        f"{made.logs} labelled logs, {made.examples} searches; expected on new logs (mean, lowest to highest repeat):"
    )
    for name, (mean, low, high) in figures.items():
        print(f"  {name:10} {mean:.3f}  {low:.3f} to {high:.3f}")
    if path is not None and not dry_run:
        gate.save(made.gate, path, {"logs": made.logs, **{name: list(values) for name, values in figures.items()}})
        print(f"written to {path}")


def _redact(reading: "Reading") -> None:
    """Mask secrets in what was read, as the pipeline would: answers are quoted from it, indexed and sent to a model."""
    from dataflows.messengers import redactor_of
    from dataflows.settings import load
    from rag.documents import is_url
    from rag.documents.reading import problem_of

    config = load().redaction
    redact, key = redactor_of(config), config.key.get_secret_value().encode() if config.key else None
    reading.root = redact(reading.root, key).text if is_url(reading.root) else reading.root
    reading.notices = [redact(notice, key).text for notice in reading.notices]
    read, reading.documents = reading.documents, []
    for document in read:
        fields = asdict(document) | {"text": _BARE_HEAD.sub("[PRIVATE_KEY]", document.text)}
        seen = {name: redact(value, key) for name, value in fields.items()}
        if not set(seen["doc_id"].found) - {"IP"}:  # runbooks of two hosts stay two
            del seen["doc_id"]
        masked = replace(document, **{name: one.text for name, one in seen.items()})
        if found := sorted({kind for one in seen.values() for kind in one.found}):
            reading.notices.append(f"{masked.doc_id!r}: {', '.join(found)} masked, as a card would")
        if problem := problem_of(masked):
            reading.complete = False
            reading.notices.append(f"{masked.doc_id!r} cannot be used with its secrets masked: {problem}")
        else:
            reading.documents.append(masked)


@contextmanager
def _store(*, any_model: bool = False) -> "Iterator[tuple[MilvusStore, Embedder]]":
    """The store and the embedder of the settings; what is wrong with them ends the command with one line."""
    from dataflows.settings import load
    from rag.embed import EmbeddingModelError, open_embedder
    from rag.milvus import MilvusStore
    from rag.store import StoreError

    config = load().rag
    try:
        embedder = open_embedder(config)
        patient = config.model_copy(update={"milvus_timeout_s": max(config.milvus_timeout_s, _PATIENCE_S)})
        with MilvusStore(patient, model=embedder.name, dim=embedder.dim, any_model=any_model) as store:
            yield store, embedder
    except (StoreError, EmbeddingModelError) as err:
        _fail(str(err))


def _labels(paths: list[Path]) -> "list[Label]":
    """The labelled logs of all paths, redacted as the pipeline does before it asks."""
    from dataflows.domain.redaction import redact
    from rag.evals.labels import LabelError, read

    try:
        labels = [label for path in paths for label in read(path)]
    except LabelError as err:
        _fail(str(err))
    return [replace(label, query=replace(label.query, log=redact(label.query.log).text)) for label in labels]


def _feedback(present: set[str]) -> "list[Label]":
    """What readers said of runbooks that are present; the others are named."""
    from rag.evals.labels import from_feedback

    with incidents.notebook() as notebook:
        said = notebook.judgements()
    for one in said:
        if one.doc_id not in present:
            print(f"note: feedback on {one.doc_id!r} is left out: there is no such runbook", file=sys.stderr)
    return from_feedback([one.as_item() for one in said if one.doc_id in present])


def _show(found: Mapping[str, Any]) -> None:
    print(f"{found['verdict']} (confidence {found['confidence']:.2f})")
    for hit in found["hits"]:
        section = f", {one_line(hit['section'])}" if hit["section"] else ""
        print(f"  {one_line(hit['doc_id'])}: {one_line(hit['title'])}{section}")


def _fail(message: str) -> NoReturn:
    print(f"cali kb: {message}", file=sys.stderr)
    raise typer.Exit(2)
