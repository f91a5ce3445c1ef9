"""Reads runbooks from Markdown files, folders and JSON lists; what cannot be read becomes a notice."""

import gzip
import os
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from unicodedata import normalize

from rag.documents.git import checkout_of
from rag.documents.json_list import from_json
from rag.documents.markdown import opened
from rag.documents.reading import Reading, UnreadableError, problem_of
from rag.models import Document

MAX_FILE_BYTES = 64 * 1024 * 1024
"""Largest file that is read (after unpacking): a wrong path, not a runbook, is what exceeds it."""
_JSON_ENDINGS = (".json", ".json.gz")
_NOT_RUNBOOKS = frozenset({"readme", "readme.ko", "contributing", "license", "licence", "changelog"})


def read(path: Path) -> Reading:
    """Read a Markdown file, a folder (recursive) or a JSON list; never raises for what the files hold.

    In a folder `README.md`, `CONTRIBUTING.md` and the like, and everything whose name begins with a dot, are not
    runbooks and are passed over silently; a link that leads out of the folder is not followed. A Markdown file is
    named by its path below the folder without `.md`; a JSON item brings its own `id`. In a folder with `.git` the
    source names repository, path and commit.
    """
    reading = Reading(str(path.resolve()))
    if not path.exists():
        reading.complete = False
        reading.notices.append(f"{str(path)!r} does not exist: check the path")
        return reading
    checkout = checkout_of(path)
    taken: dict[str, Path] = {}

    def unreadable(err: OSError) -> None:
        reading.complete = False
        reading.notices.append(f"{err.filename!r} cannot be read: {err.strerror}: give CALI the right to read it")

    for file in _files(path, unreadable):
        base = path if path.is_dir() else path.parent
        try:
            documents = list(_documents(file, base, reading.notices))
        except UnreadableError as err:
            reading.complete = False
            reading.notices.append(str(err))
            continue
        for document in documents:
            if first := taken.get(document.doc_id):
                reading.notices.append(f"{str(file)!r}: id {document.doc_id!r} was already read from {str(first)!r}")
            else:
                taken[document.doc_id] = file
                reading.documents.append(checkout.signed(document, file) if checkout else document)
    if not reading.documents and reading.complete:
        reading.notices.append(
            f"{str(path)!r} holds no runbooks: expected .md files or .json lists with id, title, text"
        )
    return reading


def _files(path: Path, unreadable: Callable[[OSError], None]) -> Iterator[Path]:
    """Yield the files to read, in order; folders that cannot be listed are told (`Path.rglob` passes them over)."""
    if path.is_file():
        yield path
        return
    root = path.resolve()
    every = (Path(folder, name) for folder, _, names in os.walk(path, onerror=unreadable) for name in names)
    for file in sorted(every):
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
        yield from from_json(name, _text(file), notices)
    elif file.suffix.lower() == ".md":
        doc_id = file.relative_to(base).with_suffix("").as_posix()
        whole = _text(file)
        title, text = opened(whole)
        if whole.strip() and not text.strip():  # such as the `_index.md` of a folder in Hugo
            notices.append(f"{name!r} shows nothing but a title: skipped")
            return
        document = Document(
            doc_id, title or normalize("NFC", file.stem), text, source=file.relative_to(base).as_posix()
        )
        if problem := problem_of(document):
            raise UnreadableError(name, f"cannot be used: {problem}")
        yield document
    else:
        raise UnreadableError(name, "is neither Markdown (.md) nor a JSON list (.json, .json.gz): skipped")


def _text(file: Path) -> str:
    try:
        if file.suffix.lower() == ".gz":
            with gzip.open(file) as stream:
                content = stream.read(MAX_FILE_BYTES + 1)
        else:
            with file.open("rb") as stream:
                content = stream.read(MAX_FILE_BYTES + 1)
        if len(content) > MAX_FILE_BYTES:
            raise UnreadableError(str(file), f"is larger than {MAX_FILE_BYTES:,} bytes: split it")
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as err:
        raise UnreadableError(str(file), f"is not UTF-8 (byte {err.start}): save it as UTF-8") from err
    except (OSError, EOFError, zlib.error) as err:  # gzip reports a cut-off file as EOFError, a wrong one as an OSError
        reason = err.strerror if isinstance(err, OSError) and err.strerror else str(err)
        raise UnreadableError(str(file), f"cannot be read: {reason}") from err
