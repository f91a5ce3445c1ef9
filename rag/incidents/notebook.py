"""The incidents of one deployment and what people said of them, in a file that the pipeline and commands both open."""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Self

from rag.cache import StateError, StateFile

FILE: Final = "incidents.sqlite3"
"""Name of the notebook in the deployment's state folder."""
KEEP_S: Final = 90 * 86_400.0
"""How long an incident is remembered after it was last seen. Our choice: three months."""
KEEP_JUDGED_S: Final = 365 * 86_400.0
"""The same for one with a resolution or feedback: what people wrote is worth a year."""
SAME_EPISODE_S: Final = 3_600.0
"""Seen again within this time it is the same episode: after a crash an alert in flight is explained a second time."""
MOST: Final = 10_000
"""Most incidents of a tenant; the ones seen longest ago go first. Milvus answers no larger query in one piece."""
SHORTEST_PREFIX: Final = 6
_TABLES: Final = """
CREATE TABLE IF NOT EXISTS incidents (tenant TEXT, fingerprint TEXT, service TEXT, text TEXT, first_seen REAL,
 last_seen REAL, count INT, severity TEXT, summary TEXT, cited_doc_id TEXT, changes INT, saved INT,
 PRIMARY KEY (tenant, fingerprint)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS resolutions (tenant TEXT, fingerprint TEXT, text TEXT, at REAL,
 PRIMARY KEY (tenant, fingerprint)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS feedback (tenant TEXT, fingerprint TEXT, doc_id TEXT, helpful INT, note TEXT, at REAL,
 PRIMARY KEY (tenant, fingerprint, doc_id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS dropped (tenant TEXT, fingerprint TEXT, PRIMARY KEY (tenant, fingerprint)) WITHOUT ROWID
"""
_RESOLUTION: Final = (
    "coalesce((SELECT r.text FROM resolutions r WHERE r.tenant = i.tenant AND r.fingerprint = i.fingerprint), '')"
)
_FEEDBACK: Final = (
    "coalesce((SELECT 2 * max(f.helpful) - 1 FROM feedback f WHERE f.tenant = i.tenant"
    " AND f.fingerprint = i.fingerprint), 0)"
)
_OWN: Final = (
    *("fingerprint", "service", "text", "first_seen", "last_seen", "count", "severity", "summary", "cited_doc_id"),
)
_SELECT: Final = f"SELECT {', '.join(_OWN)}, {_RESOLUTION}, {_FEEDBACK}, changes FROM incidents i WHERE tenant = ?"  # noqa: S608 - of constants


class NotebookError(Exception):
    """The file cannot be used, or does not hold what was asked for; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Incident:
    """One fault that was announced and explained. Everything in it is redacted."""

    fingerprint: str
    service: str
    text: str
    """Message with its trace, as long as the notebook's user keeps it."""
    first_seen: float
    """Seconds since the epoch, like `last_seen`: when it was explained."""
    last_seen: float
    count: int = 1
    """Episodes: how often it was announced anew, not how many records it had."""
    severity: str = ""
    summary: str = ""
    cited_doc_id: str = ""
    """The first runbook that its answer cites; empty if there was none."""
    resolution: str = ""
    feedback: int = 0
    """1: somebody called a runbook right for it; -1: only wrong ones were named; 0: nobody said anything."""

    @property
    def expires_at(self) -> float:
        """When it is deleted, seconds since the epoch."""
        return self.last_seen + (KEEP_JUDGED_S if self.resolution or self.feedback else KEEP_S)


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a reader said of one runbook for one incident."""

    incident: Incident
    doc_id: str
    helpful: bool
    note: str

    def as_item(self) -> dict[str, Any]:
        """Return it as a labelled log, the form of `rag.evals.labels`."""
        log, service = self.incident.text, self.incident.service
        item = {"id": f"feedback:{self.incident.fingerprint}", "log": log, "service": service}
        return {**item, "doc_id": self.doc_id, "helpful": self.helpful}


class Notebook:
    """Incidents of one tenant. Thread-safe; processes of one machine may share the file (SQLite, mode 0600).

    Every method raises `NotebookError` if the file cannot be used. Writes are on disk when they return. `pending` and
    `dropped` are what a search index beside it does not hold, or still holds.
    """

    def __init__(self, path: Path | None, tenant: str, most: int = MOST) -> None:
        """Without a path all is in memory. Nothing is opened before the first use."""
        self._path, self._tenant, self._most = path, tenant, most
        self._file = StateFile(path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def note(self, seen: Incident) -> Incident:
        """Add one explained fault to what is known of it, and return that."""
        with self._begin() as do:
            known = self._one(do, seen.fingerprint)
            values = {name: value for name, value in asdict(seen).items() if name in _OWN}
            if known is not None:
                again = seen.last_seen - known.last_seen > SAME_EPISODE_S
                values |= {
                    "first_seen": min(known.first_seen, seen.first_seen),
                    "last_seen": max(known.last_seen, seen.last_seen),
                    "count": known.count + again,
                }
            given = ", ".join(f"{name} = excluded.{name}" for name in values)
            do(
                f"INSERT INTO incidents (tenant, changes, saved, {', '.join(values)})"  # noqa: S608 - names of fields
                f" VALUES (?, 1, 0{', ?' * len(values)})"
                f" ON CONFLICT DO UPDATE SET changes = changes + 1, {given}",
                self._tenant,
                *values.values(),
            )
            do("DELETE FROM dropped WHERE tenant = ? AND fingerprint = ?", self._tenant, seen.fingerprint)
            now_known = self._one(do, seen.fingerprint)
        return now_known or seen

    def get(self, fingerprint: str) -> Incident | None:
        """Return one incident."""
        with self._begin() as do:
            return self._one(do, fingerprint)

    def all(self) -> list[Incident]:
        """Return every incident, the one seen last first."""
        with self._begin() as do:
            rows = do(f"{_SELECT} ORDER BY last_seen DESC, fingerprint", self._tenant)
        return [Incident(*row[:-1]) for row in rows]

    def named(self, fingerprint: str) -> Incident:
        """Return the only incident whose fingerprint is, or begins with, six digits or more; else `NotebookError`."""
        found = [i for i in self.all() if i.fingerprint.startswith(fingerprint)]
        if len(found) == 1 and len(fingerprint) >= SHORTEST_PREFIX:
            return found[0]
        fits = "is too short" if len(fingerprint) < SHORTEST_PREFIX else f"fits {len(found)} incidents"
        msg = f"fingerprint {fingerprint!r} {fits}: give {SHORTEST_PREFIX} digits or more, as in `cali kb incidents ls`"
        raise NotebookError(msg)

    def judge(self, fingerprint: str, doc_id: str, *, helpful: bool, note: str, now: float) -> None:
        """Keep whether a runbook was right for an incident; the newest word on a runbook wins."""
        with self._begin() as do:
            row = (self._tenant, fingerprint, doc_id, helpful, note, now)
            do("INSERT OR REPLACE INTO feedback VALUES (?, ?, ?, ?, ?, ?)", *row)
            self._touch(do, fingerprint)

    def resolve(self, fingerprint: str, text: str, now: float) -> None:
        """Keep how an incident ended; the newest text wins."""
        with self._begin() as do:
            do("INSERT OR REPLACE INTO resolutions VALUES (?, ?, ?, ?)", self._tenant, fingerprint, text, now)
            self._touch(do, fingerprint)

    def judgements(self) -> list[Judgement]:
        """Return all feedback whose incident is remembered."""
        with self._begin() as do:
            asked = "SELECT fingerprint, doc_id, helpful, note FROM feedback WHERE tenant = ? ORDER BY at, doc_id"
            rows = do(asked, self._tenant)
            found = {row[0]: self._one(do, row[0]) for row in rows}
        return [Judgement(of, row[1], bool(row[2]), row[3]) for row in rows if (of := found[row[0]]) is not None]

    def forget(self, fingerprints: Sequence[str]) -> None:
        """Delete incidents with all that was said of them."""
        with self._begin() as do:
            for fingerprint in fingerprints:
                for table in ("incidents", "resolutions", "feedback"):
                    do(f"DELETE FROM {table} WHERE tenant = ? AND fingerprint = ?", self._tenant, fingerprint)  # noqa: S608 - above
                do("INSERT OR IGNORE INTO dropped VALUES (?, ?)", self._tenant, fingerprint)

    def expire(self, now: float) -> list[str]:
        """Delete what is too old, and the oldest beyond `most`; return the fingerprints."""
        known = self.all()
        old = [i.fingerprint for n, i in enumerate(known) if i.expires_at < now or n >= self._most]
        self.forget(old)
        return old

    def pending(self, most: int) -> list[tuple[Incident, int]]:
        """Return incidents that changed since they were `saved`, each with the number to give back there."""
        with self._begin() as do:
            rows = do(f"{_SELECT} AND changes <> saved LIMIT ?", self._tenant, most)
        return [(Incident(*row[:-1]), int(row[-1])) for row in rows]

    def saved(self, fingerprint: str, changes: int) -> None:
        """Note that an index holds an incident as `pending` gave it; one that has changed since stays pending."""
        with self._begin() as do:
            of = (changes, self._tenant, fingerprint)
            do("UPDATE incidents SET saved = ? WHERE tenant = ? AND fingerprint = ?", *of)

    def unsave(self) -> None:
        """Note that the index is empty: every incident is pending."""
        with self._begin() as do:
            do("UPDATE incidents SET saved = 0 WHERE tenant = ?", self._tenant)

    def dropped(self) -> list[str]:
        """Return the fingerprints that were forgotten and may still be in an index."""
        with self._begin() as do:
            return [row[0] for row in do("SELECT fingerprint FROM dropped WHERE tenant = ?", self._tenant)]

    def undrop(self, fingerprints: Sequence[str]) -> None:
        """Note that no index holds them any more."""
        with self._begin() as do:
            for fingerprint in fingerprints:
                do("DELETE FROM dropped WHERE tenant = ? AND fingerprint = ?", self._tenant, fingerprint)

    def _one(self, do: "_Do", fingerprint: str) -> Incident | None:
        rows = do(f"{_SELECT} AND fingerprint = ?", self._tenant, fingerprint)
        return Incident(*rows[0][:-1]) if rows else None

    def _touch(self, do: "_Do", fingerprint: str) -> None:
        where = "WHERE tenant = ? AND fingerprint = ?"
        do(f"UPDATE incidents SET changes = changes + 1 {where}", self._tenant, fingerprint)  # noqa: S608 - above

    @contextmanager
    def _begin(self) -> Iterator["_Do"]:
        try:
            with self._file.begin() as db:
                do = _Do(db.execute)
                for table in _TABLES.split(";"):
                    do(table)
                yield do
        except StateError as err:
            msg = (
                f"the incident memory {str(self._path)!r} cannot be used ({err.__cause__}): mend a full or read-only "
                "disk; move a damaged file away (incidents, resolutions and feedback are then forgotten)"
            )
            raise NotebookError(msg) from err


class _Do:
    """Runs a statement and returns all of its rows."""

    def __init__(self, execute: Callable[..., sqlite3.Cursor]) -> None:
        self._execute = execute

    def __call__(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        with closing(self._execute(statement, values)) as rows:
            return rows.fetchall()
