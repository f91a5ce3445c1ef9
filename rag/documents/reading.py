"""What reading one place gave, and what a runbook must be to be stored."""

from dataclasses import dataclass, field

from rag.models import Document

MAX_TEXT_BYTES = 65_535
"""Longest text of one runbook, UTF-8 bytes: the limit of a Milvus VARCHAR field."""
_MAX_ID_BYTES = 512
_MAX_TITLE_BYTES = 1024


@dataclass(slots=True)
class Reading:
    """What one path or URL held."""

    root: str
    """The path, absolute, or the URL: what was read from it before and is gone now may be removed."""
    documents: list[Document] = field(default_factory=list)
    """At most one of each `doc_id`."""
    notices: list[str] = field(default_factory=list)
    """One sentence for each thing that was skipped, naming it and what to do."""
    complete: bool = True
    """False if something could not be read that may hold documents: then nothing may be removed."""


class UnreadableError(Exception):
    """A file or URL that should hold runbooks does not; its message is the notice."""

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(f"{name!r} {problem}")


def problem_of(document: Document) -> str:
    """Say why a document cannot be stored, or nothing."""
    if not document.doc_id.strip():
        return "its id is empty: give it one"
    if not document.text.strip():
        return "it is empty: write the runbook or delete it"
    for name, value, limit in (
        ("id", document.doc_id, _MAX_ID_BYTES),
        ("title", document.title, _MAX_TITLE_BYTES),
        ("source", document.source, _MAX_TITLE_BYTES),
        ("licence", document.licence, _MAX_TITLE_BYTES),
        ("url", document.url, _MAX_TITLE_BYTES),
        ("text", document.text, MAX_TEXT_BYTES),
    ):
        try:
            size = len(value.encode())
        except UnicodeEncodeError:
            return f"its {name} holds half a surrogate pair: repair the text"
        if size > limit:
            return f"its {name} has {size:,} bytes, more than {limit:,}: shorten or split it"
    return ""
