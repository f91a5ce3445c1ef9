r"""Raw records as lines of the archive, and rejected ones as lines of the dead letters.

One line is one Kinesis record, in one of two forms, so that the bytes come back exactly and SQL engines can read it:

    {"sequence":"4959...","arrived":1763764000123,"end":"\n","record":{...the record's own JSON...}}
    {"sequence":"4959...","arrived":1763764000123,"base64":"..."}

The first form is for a record that is one line of UTF-8 text in braces, with or without a line end (`end`); it is
embedded as it stands, unparsed, so a record that is not quite JSON makes a line that is not quite JSON and still
comes back byte for byte. Everything else takes the second form. `arrived` is in milliseconds since the epoch.
"""

import base64
import json
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, NamedTuple

from dataflows.domain.rejections import Rejected, is_text

_EMBEDDED = b',"record":'
_SHARD = re.compile(r"[A-Za-z0-9_.-]{0,128}")
"""At most 128 characters of this set: Kinesis API, `ShardId`. A replayed file's is made to fit."""
_SEQUENCE = re.compile(r"[0-9]{1,129}")
"""Kinesis API, `SequenceNumber`: digits, at most 129."""
_MAX_ARRIVED_MS = 253_402_300_800_000
"""The year 10000, which no calendar here can show."""
_REFUSED = re.compile(rb'\{"index": ?"[^"]*", ?"id": ?"(?:[^"\\]|\\.)*", ?"reason": ?"index_refused"')


WINDOW_S = 300
"""Arrival time that one object spans at most, seconds, cut at multiples of it; it divides an hour.

A boundary that is fixed by the data, and a bound on size as well: a shard takes 1 MiB a second (Kinesis quotas:
https://docs.aws.amazon.com/streams/latest/dev/service-sizes-and-limits.html), so an object holds some 300 MiB of
records at most, also when hours are caught up in one epoch. A constant and not a setting: another value would double
what is repeated across the change.
"""


class Folder(NamedTuple):
    """A run of records that belong into one object."""

    path: str
    start: int
    """Index of the first record."""
    stop: int
    window: int
    """Number of the arrival window since the epoch."""


def hour_path(kind: str, arrival_ts: float) -> str:
    """Hive-style folder of an arrival time, in UTC."""
    return datetime.fromtimestamp(arrival_ts, UTC).strftime(f"{kind}/date=%Y-%m-%d/hour=%H")


def folders(kind: str, arrivals: Sequence[float]) -> list[Folder]:
    """Cut a batch where the arrival window changes, and with it at each full hour.

    A boundary fixed by two neighbouring records: a replay cuts at the same place, however its batches lie. Nothing else
    may cut: not a size so far, nor a count, since both depend on where the epoch began.
    """
    if not arrivals:
        return []
    window = int(min(arrivals) // WINDOW_S)
    if window == int(max(arrivals) // WINDOW_S):  # nearly always
        return [Folder(hour_path(kind, arrivals[0]), 0, len(arrivals), window)]
    windows = [int(ts // WINDOW_S) for ts in arrivals]
    cuts = [0, *(i for i in range(1, len(windows)) if windows[i] != windows[i - 1]), len(windows)]
    return [Folder(hour_path(kind, arrivals[a]), a, b, windows[a]) for a, b in pairwise(cuts)]


def lines(sequences: Sequence[str], arrivals: Sequence[float], data: Sequence[bytes]) -> bytes:
    """The archive lines of records."""
    out: list[bytes] = []  # pieces, not lines: each record is copied once
    for sequence, ts, raw in zip(sequences, arrivals, data, strict=True):
        head = f'{{"sequence":"{sequence}","arrived":{round(ts * 1000)}'
        end = raw.find(b"\n")
        line = raw if end == -1 else raw[:end] if end == len(raw) - 1 else b""
        if line[:1] != b"{" or line[-1:] != b"}" or not is_text(line):
            out += f'{head},"base64":"'.encode(), base64.b64encode(raw), b'"}\n'
        elif end == -1:
            out += f'{head},"end":"","record":'.encode(), line, b"}\n"
        else:
            out += f'{head},"end":"\\n","record":'.encode(), line, b"}\n"
    return b"".join(out)


def dead_lines(rejected: Iterable[Rejected], stream: str = "", failed_ts: float = 0.0) -> bytes:
    """The dead-letter lines: place of origin, when it first failed, how often it was tried, reason, and the raw bytes.

    `failed_ts` is in seconds since the epoch, `failed` in milliseconds. Later attempts are counted in the marks of a
    replay (`dataflows.replay.marks`), since an object is not written again.
    """
    return b"".join(
        json.dumps(
            {
                "shard": bad.shard,
                "sequence": bad.sequence,
                "sub": bad.sub,
                "stream": stream,
                "arrived": round(bad.arrival_ts * 1000),
                "failed": round(failed_ts * 1000),
                "attempts": 1,
                "reason": bad.reason.value,
                "detail": bad.detail,
                "base64": base64.b64encode(bad.raw).decode(),
            },
            ensure_ascii=False,
        ).encode()
        + b"\n"
        for bad in rejected
    )


class Archived(NamedTuple):
    """One line read back."""

    shard: str
    """Only dead letters carry it; an archive object's name tells it for all its lines."""
    sequence: str
    arrival_ts: float
    raw: bytes
    sub: int = 0
    """Number of the piece in its record; below 0: a note on possible loss, which holds no piece at all."""


def read_line(line: bytes) -> Archived:
    """The record of an archive or dead-letter line, byte for byte.

    Raises:
        ValueError: the line is neither.
    """
    head, found, rest = line.rstrip(b"\r\n").partition(_EMBEDDED)
    try:
        if found and b'"base64"' not in head:
            fields = json.loads(head + b"}")
            raw = rest[:-1] + fields["end"].encode()
        else:
            fields = json.loads(line)
            raw = base64.b64decode(fields["base64"], validate=True)
        return _archived(fields, raw)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as err:
        msg = f"not a line of the archive or of the dead letters: {type(err).__name__}"
        raise ValueError(msg) from err


def _archived(fields: dict[str, Any], raw: bytes) -> Archived:
    """Checked, since the shard and the sequence become ids and the arrival becomes a calendar day."""
    shard, sequence = fields.get("shard", ""), fields["sequence"]
    arrived, sub = fields["arrived"], fields.get("sub", 0)
    if not _SHARD.fullmatch(shard) or not _SEQUENCE.fullmatch(sequence):
        msg = "no shard or sequence number"
        raise ValueError(msg)
    if not 0 <= arrived < _MAX_ARRIVED_MS or not isinstance(sub, int):
        msg = "no arrival time or piece number"
        raise ValueError(msg)
    return Archived(shard, sequence, arrived / 1000, raw, sub)


def is_refused(line: bytes) -> bool:
    """Whether a line is a search document that the index refused (see `refused_line`): redacted, and no record."""
    return _REFUSED.match(line) is not None


def refused_line(index: str, doc_id: str, reason: str, body: bytes) -> bytes:
    """The dead-letter line of a search document that the index refused."""
    line = {"index": index, "id": doc_id, "reason": "index_refused", "detail": reason}
    return json.dumps({**line, "base64": base64.b64encode(body).decode()}).encode() + b"\n"
