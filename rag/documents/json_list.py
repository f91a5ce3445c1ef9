"""Reads a JSON list of runbooks: objects with `id`, `title`, `text`, and if known `source`, `licence`, `url`."""

import json
from collections.abc import Iterator
from unicodedata import normalize

from rag.documents.markdown import opened
from rag.documents.reading import UnreadableError, problem_of
from rag.models import Document


def from_json(name: str, text: str, notices: list[str]) -> Iterator[Document]:
    """Yield the runbooks of a list that stands in `name`; a bad item becomes a notice, no JSON `UnreadableError`."""
    try:
        items = json.loads(text)
    except (ValueError, RecursionError) as err:
        raise UnreadableError(name, f"is not JSON ({err}): repair it") from err
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
            normalize("NFC", item["title"]),
            opened(item["text"])[1],
            source=extra.get("source", ""),
            licence=extra.get("licence") or extra.get("license", ""),
            url=extra.get("url", ""),
        )
        if problem := problem_of(document):
            notices.append(f"{name!r}: item {number} ({document.doc_id[:80]!r}): {problem}")
        else:
            yield document


def _is_runbook(item: object) -> bool:
    return isinstance(item, dict) and all(isinstance(item.get(key), str) for key in ("id", "title", "text"))
