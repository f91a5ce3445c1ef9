"""`cali kb feedback`, `resolve` and `incidents`: what people say of past incidents.

They write the notebook in the state folder, which a running pipeline has open as well; Milvus is not touched.
"""

import sys
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from dataflows.render.clean import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rag.incidents import Notebook

app = typer.Typer(help="Past incidents: list them, or forget one.", no_args_is_help=True)
_SUMMARY = 80
"""Characters of a summary in a list."""

Fingerprint = Annotated[str, typer.Argument(help="Fingerprint of an alert, or its first 6 or more digits.")]


def feedback(
    fingerprint: Fingerprint,
    doc: Annotated[str, typer.Option(help="Id of the runbook; default: the one that the answer cited.")] = "",
    right: Annotated[bool, typer.Option("--right", help="It was the right one.")] = False,
    wrong: Annotated[bool, typer.Option("--wrong", help="It was not.")] = False,
    note: Annotated[str, typer.Option(help="Why, for whoever reads it later.")] = "",
) -> None:
    """Say whether a runbook was right for an incident; `cali kb calibrate --feedback` learns from it."""
    if right == wrong:
        _fail("was the runbook right? Give either --right or --wrong")
    _readable(doc, note)
    with notebook() as book:
        of = book.named(fingerprint)
        doc_id = doc or of.cited_doc_id
        if not doc_id:
            _fail(f"the answer to {of.fingerprint} cites no runbook: name one with --doc")
        book.judge(of.fingerprint, doc_id, helpful=right, note=_redacted(note), now=time.time())
    print(f"{of.fingerprint}: {doc_id} was {'right' if right else 'wrong'}")


def resolve(
    fingerprint: Fingerprint, text: Annotated[str, typer.Argument(help="How it ended; secrets in it are masked.")]
) -> None:
    """Say how an incident ended: shown when it, or one that says nearly the same, comes again."""
    if not text.strip():
        _fail("the text is empty: say how the incident ended")
    _readable(text)
    with notebook() as book:
        of = book.named(fingerprint)
        book.resolve(of.fingerprint, _redacted(text.strip()), time.time())
    print(f"{of.fingerprint}: resolution kept")


@app.command()
def ls() -> None:
    """List past incidents: fingerprint, service, last seen, episodes, feedback, summary or resolution."""
    with notebook() as book:
        for incident in book.all():
            seen = datetime.fromtimestamp(incident.last_seen, UTC).isoformat(timespec="seconds")
            judged = {1: "right", -1: "wrong", 0: "-"}[incident.feedback]
            told = one_line(incident.resolution or incident.summary)[:_SUMMARY]
            print(f"{incident.fingerprint}\t{one_line(incident.service)}\t{seen}\t{incident.count}\t{judged}\t{told}")


@app.command()
def forget(fingerprint: Fingerprint) -> None:
    """Delete an incident and what was said of it; a running pipeline deletes its vector with the next alert."""
    with notebook() as book:
        of = book.named(fingerprint)
        book.forget([of.fingerprint])
    print(f"{of.fingerprint}: forgotten")


@contextmanager
def notebook() -> "Iterator[Notebook]":
    """The notebook of the settings; what is wrong with it, or not in it, ends the command with one line."""
    from dataflows.settings import load
    from rag.incidents.notebook import FILE, Notebook, NotebookError

    settings = load()
    try:
        with Notebook(settings.state.dir / FILE, settings.rag.tenant) as book:
            yield book
    except NotebookError as err:
        _fail(str(err))


def _readable(*texts: str) -> None:
    """End the command if the shell gave bytes that are no UTF-8: nothing could store or show them."""
    for text in texts:
        if not text.isascii() and any("\ud800" <= char <= "\udfff" for char in text):
            _fail(f"{text[:80]!r} is not UTF-8: type it again, or set the terminal to UTF-8")


def _redacted(text: str) -> str:
    """The text as the pipeline would redact it."""
    from dataflows.messengers import redactor_of
    from dataflows.settings import load

    config = load().redaction
    return redactor_of(config)(text, config.key.get_secret_value().encode() if config.key else None).text


def _fail(message: str) -> NoReturn:
    print(f"cali kb: {message}", file=sys.stderr)
    raise typer.Exit(2)
