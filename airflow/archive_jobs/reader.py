"""Archived records as the page read them: unpacked, sorted, redacted and fingerprinted by CALI's own code."""

from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from connectors.kinesis import RecordBatch
from connectors.kinesis.unpack import BadPiece, unpack
from dataflows.domain.records import parse
from dataflows.domain.rejections import RejectionError, RejectReason
from dataflows.domain.trace.frames import FRAMEWORKS
from dataflows.messengers import redactor_of
from dataflows.render.archive import Archived, read_line
from dataflows.settings import Settings
from dataflows.steps.triage import AlarmingBatch, Triage

UNKNOWN_LEVEL = "?"
"""In the place of a level that nobody knows."""


class Piece(NamedTuple):
    """One piece of a record. What could not be read is None."""

    place: str
    """`<shard>-<sequence>-<sub>`, as in the search index."""
    shard: str
    sequence: str
    sub: int
    arrived: int
    """Milliseconds since the epoch."""
    event: float | None
    """Seconds since the epoch; the arrival where the record tells none."""
    level: str | None
    """A `Level`, or `UNKNOWN_LEVEL`."""
    service: str | None
    namespace: str | None
    version: str | None
    fingerprint: str = ""
    """Of a WARN+ piece that was taken, as its alert has it; CALI's cap on new fingerprints is not applied."""
    template: str = ""
    """Redacted, of the same."""
    reason: str | None = None
    """Why the full parse refused it; None: it is a record."""
    letter: bool = False
    """The page rejects it: it belongs into the dead letters."""


class _Seen(NamedTuple):
    """What is needed of a search document."""

    event: float
    level: str
    service: str
    namespace: str
    version: str
    fingerprint: str
    template: str


class _Document(msgspec.Struct):
    service: str
    sequence: str
    sub: int


class Reader:
    """Reads lines of one deployment. One thread."""

    def __init__(self, settings: Settings) -> None:
        prints, key = settings.fingerprint, settings.redaction.key
        self._redactor = redactor_of(settings.redaction)
        self._key = key.get_secret_value().encode() if key else None
        frameworks = FRAMEWORKS.extended(prints.in_app, prints.frameworks)
        self._sort = Triage(self._key, redactor=self._redactor, frameworks=frameworks)
        self._document = msgspec.json.Decoder(_Document).decode
        self._names: dict[str, str] = {}

    def pieces(self, shard: str, records: list[Archived]) -> Iterator[Piece]:
        """The pieces of records of one shard, in order. Never raises for data."""
        batch = RecordBatch(
            "", "", shard, [one.sequence for one in records], [one.raw for one in records],
            [one.arrival_ts for one in records],
        )  # fmt: skip
        taken: dict[tuple[str, int], _Seen] = {}
        rejected: dict[tuple[str, int], RejectReason] = {}
        for out in self._sort([batch]):
            if isinstance(out, AlarmingBatch):
                for alarm in out.alarms:
                    seen, found = alarm.sighting, self._document(alarm.document)
                    taken[found.sequence, found.sub] = _Seen(
                        *(seen.event_ts, seen.level, found.service, seen.namespace, seen.version),
                        *(seen.fault.partition(":")[0], seen.template),
                    )
            else:
                rejected |= {(bad.sequence, bad.sub): bad.reason for bad in out.pieces}
        for one in records:
            for sub, piece in enumerate(unpack(one.raw)):
                key = (one.sequence, sub)
                yield self._piece(shard, one, sub, piece, taken.get(key), rejected.get(key))

    def _piece(  # noqa: PLR0913, PLR0917 - what is known of a piece
        self, shard: str, one: Archived, sub: int, piece: bytes | BadPiece, seen: _Seen | None, bad: RejectReason | None
    ) -> Piece:
        place, arrived = f"{shard}-{one.sequence}-{sub}", round(one.arrival_ts * 1000)
        head = (place, shard, one.sequence, sub, arrived)
        if seen is not None:
            return Piece(*head, *seen[:5], seen.fingerprint, seen.template)
        if bad is None and not isinstance(piece, BadPiece):
            try:
                record = parse(piece, one.arrival_ts).record
            except RejectionError as err:
                return self._unread(head, err.reason, letter=False)
            names = (record.service, record.kubernetes.namespace_name, record.version)
            service, namespace, version = map(self._redacted, names)
            return Piece(*head, record.event_ts, record.level.name, service, namespace, version)
        return self._unread(head, bad or RejectReason.BAD_COMPRESSION, letter=True)

    @staticmethod
    def _unread(head: tuple[str, str, str, int, int], reason: RejectReason, *, letter: bool) -> Piece:
        level = UNKNOWN_LEVEL if reason is RejectReason.UNKNOWN_LEVEL else None
        return Piece(*head, None, level, None, None, None, reason=reason.value, letter=letter)

    def _redacted(self, name: str) -> str:
        """Names repeat: each is redacted once."""
        if (known := self._names.get(name)) is None:
            known = self._names[name] = self._redactor(name, self._key).text
        return known


def archived(lines: list[bytes]) -> tuple[list[Archived], int]:
    """The records of archive or dead-letter lines, and how many lines are neither."""
    found = []
    for line in lines:
        try:
            found.append(read_line(line))
        except ValueError:
            continue
    return found, len(lines) - len(found)
