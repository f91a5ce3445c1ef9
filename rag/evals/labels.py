"""Labelled logs: which runbooks answer which error, from a JSON list, a folder of cases, or readers' feedback."""

import gzip
import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rag.models import Query

_LOG, _CASE = "log.txt", "case.json"


class LabelError(Exception):
    """The labels cannot be used; the message names the file and the entry, and says what to do."""


@dataclass(frozen=True, slots=True)
class Label:
    """One log and what answers it."""

    name: str
    query: Query
    relevant: frozenset[str] = frozenset()
    """Ids of the runbooks that answer; empty: none does (unless `wrong` is set)."""
    wrong: frozenset[str] = frozenset()
    """Ids that a reader called unhelpful; whether another answers is not known then."""
    korean: bool = False
    verdict: str = ""
    """What the verdict must be; empty: not said."""

    @property
    def complete(self) -> bool:
        """Whether it is known what answers: false for feedback that only says what does not."""
        return bool(self.relevant) or not self.wrong


def read(path: Path) -> list[Label]:
    """Return the labels of a JSON list (`.json`, `.json.gz`) or of a folder of cases; raise `LabelError`.

    An item is `{"log", "service", "relevant": [doc_id, ...]}`, with `"lang": "ko"` where it is Korean, or feedback:
    `{"log", "service", "doc_id", "helpful": true | false}`. A case is a folder with `log.txt` and `case.json`, which
    holds the other fields and may hold `verdict`.
    """
    if path.is_dir():
        folders = sorted(file.parent for file in path.rglob(_CASE))
        labels = [_label(_case(folder), folder.name, str(folder)) for folder in folders]
    else:
        items = _json(path)
        if not isinstance(items, list):
            msg = f"{str(path)!r} is no JSON list of labelled logs: see docs/knowledge_base.md"
            raise LabelError(msg)
        labels = [_label(item, f"{number}", f"{path}, item {number}") for number, item in enumerate(items)]
    if not labels:
        msg = f"{str(path)!r} holds no labelled logs: expected a JSON list, or folders with {_LOG} and {_CASE}"
        raise LabelError(msg)
    return labels


def from_feedback(items: Sequence[dict[str, Any]]) -> list[Label]:
    """Return the labels of feedback items, as `read` would from a list of them; raise `LabelError`."""
    return [_label(item, f"{number}", f"feedback {number}") for number, item in enumerate(items)]


def _case(folder: Path) -> dict[str, Any]:
    try:
        log = (folder / _LOG).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as err:
        msg = f"{str(folder / _LOG)!r} cannot be read ({type(err).__name__}): a case needs the log as UTF-8 text"
        raise LabelError(msg) from err
    fields = _json(folder / _CASE)
    if not isinstance(fields, dict):
        msg = f"{str(folder / _CASE)!r} is no JSON object: see docs/knowledge_base.md"
        raise LabelError(msg)
    return {**fields, "log": log}


def _json(path: Path) -> Any:  # noqa: ANN401 - what a file holds
    try:
        content = path.read_bytes()
        return json.loads(gzip.decompress(content) if path.suffix == ".gz" else content)
    except (OSError, EOFError, zlib.error, ValueError, RecursionError) as err:
        reason = err.strerror if isinstance(err, OSError) and err.strerror else str(err)
        msg = f"{str(path)!r} cannot be read ({reason}): expected a JSON list, plain or gzipped, or a folder of cases"
        raise LabelError(msg) from err


def _label(item: Any, name: str, where: str) -> Label:  # noqa: ANN401 - what a file holds
    if not isinstance(item, dict) or not isinstance(item.get("log"), str) or not item["log"].strip():
        msg = f"{where}: no log: give each item a text `log`"
        raise LabelError(msg)
    service, helpful = item.get("service", ""), item.get("helpful")
    relevant: Any = [item.get("doc_id")] if helpful is True else item.get("relevant", [] if helpful is False else None)
    wrong: Any = [item.get("doc_id")] if helpful is False else []
    if not isinstance(service, str) or not _are_ids(relevant) or not _are_ids(wrong):
        msg = f"{where}: give `relevant`, a list of ids (empty: no runbook answers), or `doc_id` and `helpful`"
        raise LabelError(msg)
    verdict = item.get("verdict", "")
    if verdict not in {"", "match", "related", "none"}:
        msg = f"{where}: `verdict` is {verdict!r}: match, related or none"
        raise LabelError(msg)
    return Label(
        str(item.get("id", name)),
        Query(item["log"], service),
        frozenset(relevant),
        frozenset(wrong),
        item.get("lang") == "ko",
        verdict,
    )


def _are_ids(value: Any) -> bool:  # noqa: ANN401 - what a file holds
    return isinstance(value, list) and all(isinstance(entry, str) and entry for entry in value)
