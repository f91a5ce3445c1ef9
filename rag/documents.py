"""Reads runbooks from Markdown files, folders and JSON lists; what cannot be read becomes a notice."""

import gzip
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from rag.models import Document

MAX_TEXT_BYTES = 65_535
"""Longest text of one runbook, UTF-8 bytes: the limit of a Milvus VARCHAR field."""
MAX_FILE_BYTES = 64 * 1024 * 1024
"""Largest file that is read (after unpacking): a wrong path, not a runbook, is what exceeds it."""
_MAX_ID_BYTES = 512
_MAX_TITLE_BYTES = 1024
_JSON_ENDINGS = (".json", ".json.gz")
_NOT_RUNBOOKS = frozenset({"readme", "readme.ko", "contributing", "license", "licence", "changelog"})


@dataclass(slots=True)
class Reading:
    """What one path held."""

    root: Path
    """The path, absolute: what was read from it before and is gone now may be removed."""
    documents: list[Document] = field(default_factory=list)
    """At most one of each `doc_id`."""
    notices: list[str] = field(default_factory=list)
    """One sentence for each thing that was skipped, naming it and what to do."""
    complete: bool = True
    """False if something could not be read that may hold documents: then nothing may be removed."""


class _UnreadableError(Exception):
    """A file that should hold runbooks does not; its message is the notice."""

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(f"{name!r} {problem}")


def read(path: Path) -> Reading:
    """Read a Markdown file, a folder (recursive) or a JSON list; never raises for what the files hold.

    In a folder `README.md`, `CONTRIBUTING.md` and the like, and everything whose name begins with a dot, are not
    runbooks and are passed over silently; a link that leads out of the folder is not followed. A Markdown file is named
    by its path below the folder without `.md`; a JSON item brings its own `id`.
    """
    reading = Reading(path.resolve())
    if not path.exists():
        reading.complete = False
        reading.notices.append(f"{str(path)!r} does not exist: check the path")
        return reading
    taken: dict[str, Path] = {}
    for file in _files(path):
        base = path if path.is_dir() else path.parent
        try:
            documents = list(_documents(file, base, reading.notices))
        except _UnreadableError as err:
            reading.complete = False
            reading.notices.append(str(err))
            continue
        for document in documents:
            if first := taken.get(document.doc_id):
                reading.notices.append(f"{str(file)!r}: id {document.doc_id!r} was already read from {str(first)!r}")
            else:
                taken[document.doc_id] = file
                reading.documents.append(document)
    if not reading.documents and reading.complete:
        reading.notices.append(
            f"{str(path)!r} holds no runbooks: expected .md files or .json lists with id, title, text"
        )
    return reading


def _files(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
        return
    root = path.resolve()
    for file in sorted(path.rglob("*")):
        inner = file.relative_to(path)
        hidden = any(part.startswith(".") for part in inner.parts)
        wanted = file.suffix.lower() == ".md" or file.name.lower().endswith(_JSON_ENDINGS)
        if hidden or not wanted or not file.is_file() or not file.resolve().is_relative_to(root):
            continue
        if file.suffix.lower() != ".md" or file.stem.lower() not in _NOT_RUNBOOKS:
            yield file


def _documents(file: Path, base: Path, notices: list[str]) -> Iterator[Document]:
    name = str(file)
    if file.name.lower().endswith(_JSON_ENDINGS):
        yield from _from_json(name, _text(file), notices)
    elif file.suffix.lower() == ".md":
        doc_id = file.relative_to(base).with_suffix("").as_posix()
        text = _text(file)
        title = next((line.lstrip("# ").strip() for line in text.splitlines() if line.startswith("#")), "")
        document = Document(doc_id, title or file.stem, text, source=file.relative_to(base).as_posix())
        if problem := _problem(document):
            raise _UnreadableError(name, f"cannot be used: {problem}")
        yield document
    else:
        raise _UnreadableError(name, "is neither Markdown (.md) nor a JSON list (.json, .json.gz): skipped")


def _text(file: Path) -> str:
    try:
        if file.suffix.lower() == ".gz":
            with gzip.open(file) as stream:
                content = stream.read(MAX_FILE_BYTES + 1)
        else:
            with file.open("rb") as stream:
                content = stream.read(MAX_FILE_BYTES + 1)
        if len(content) > MAX_FILE_BYTES:
            raise _UnreadableError(str(file), f"is larger than {MAX_FILE_BYTES:,} bytes: split it")
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as err:
        raise _UnreadableError(str(file), f"is not UTF-8 (byte {err.start}): save it as UTF-8") from err
    except (OSError, EOFError, zlib.error) as err:  # gzip reports a cut-off file as EOFError, a wrong one as an OSError
        reason = err.strerror if isinstance(err, OSError) and err.strerror else str(err)
        raise _UnreadableError(str(file), f"cannot be read: {reason}") from err


def _from_json(name: str, text: str, notices: list[str]) -> Iterator[Document]:
    try:
        items = json.loads(text)
    except (ValueError, RecursionError) as err:
        raise _UnreadableError(name, f"is not JSON ({err}): repair it") from err
    if not isinstance(items, list) or not any(_is_runbook(item) for item in items):
        notices.append(f"{name!r} is no list of runbooks (objects with id, title and text): skipped")
        return
    for number, item in enumerate(items):
        if not _is_runbook(item):
            notices.append(f"{name!r}: item {number} has no id, title and text that are strings: skipped")
            continue
        extra = {key: value for key, value in item.items() if isinstance(value, str)}
        document = Document(
            item["id"],
            item["title"],
            item["text"],
            source=extra.get("source", ""),
            licence=extra.get("licence") or extra.get("license", ""),
            url=extra.get("url", ""),
        )
        if problem := _problem(document):
            notices.append(f"{name!r}: item {number} ({document.doc_id[:80]!r}): {problem}")
        else:
            yield document


def _is_runbook(item: object) -> bool:
    return isinstance(item, dict) and all(isinstance(item.get(key), str) for key in ("id", "title", "text"))


def _problem(document: Document) -> str:
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
