"""What the checks look at: an hour as five small tables, and the volume of the weeks before."""

from statistics import median
from typing import Any, NamedTuple

import msgspec

from archive_jobs.bucket import Bucket
from archive_jobs.contents import Contents
from archive_jobs.hours import DAY_HOURS, WEEK_DAYS, Hour
from archive_jobs.objects import opened
from archive_jobs.results import result_key
from archive_jobs.silence import shard_rows
from dataflows.domain.rejections import RejectReason

MIN_WEEK = 3
"""Days of the trailing week whose same hour was checked: fewer tell no usual volume."""
MAX_REFUSED = 1_000
"""Refused documents that are looked at: an outage may leave a million, and what is wrong with one is with all."""

Row = dict[str, Any]


class Measures(NamedTuple):
    """Rows by table; each row has a `place` that a person can look up. No raw record is in them."""

    records: list[Row]
    objects: list[Row]
    shards: list[Row]
    hour: list[Row]
    redacted: list[Row]


def measures(bucket: Bucket, found: Contents, index_prefix: str) -> Measures:
    """What was found in an hour, as the suites expect it."""
    pieces = found.pieces.select(["place", "level", "service", "event", "arrived", "reason"]).to_pylist()
    for row in pieces:
        event = row.pop("event")
        reason = row.pop("reason")
        row["unreadable"] = None if reason == RejectReason.UNKNOWN_LEVEL else reason
        row["lateness_s"] = None if event is None else row["arrived"] / 1000 - event
    return Measures(
        records=pieces,
        objects=[one._asdict() for one in found.objects],
        shards=[one._asdict() for one in shard_rows(bucket, found)],
        hour=[_hour(bucket, found, len(pieces))],
        redacted=[*_own(found), *_refused(bucket, found.hour, index_prefix)],
    )


def _hour(bucket: Bucket, found: Contents, pieces: int) -> Row:
    letters = [one for one in found.letters if one.sub >= 0]
    written = {one.place for one in letters}
    due = {row["place"] for row in found.pieces.select(["place", "letter"]).to_pylist() if row["letter"]}
    usual = usual_records(bucket, found.hour)
    records = len(found.sequences)
    return {
        "place": found.hour.text,
        "records": records,
        "pieces": pieces,
        "usual_records": usual,
        "volume_ratio": round(records / usual, 4) if usual else None,
        "dead_letters": len(letters),
        "dead_letter_share": round(len(letters) / pieces, 6) if pieces else None,
        "missing_dead_letters": len(due - written),
        "stray_dead_letters": sum((one.shard, one.sequence) not in found.sequences for one in letters),
        "possible_losses": len(found.letters) - len(letters),
    }


def usual_records(bucket: Bucket, hour: Hour) -> float | None:
    """Median of the records of the same hour in the week before, by its results; None if too few were checked."""
    counts = []
    for days in range(1, WEEK_DAYS + 1):
        key = result_key(hour.before(DAY_HOURS * days))
        if (result := bucket.json(key)) is not None:
            try:
                counts.append(int(result["measured"]["records"]))
            except (LookupError, TypeError, ValueError) as err:
                raise bucket.no_json(key) from err
    return float(median(counts)) if len(counts) >= MIN_WEEK else None


def _own(found: Contents) -> list[Row]:
    """What this hour put into the index and the dead letters in plain text: templates and details."""
    rows = found.pieces.select(["place", "template", "service", "version", "namespace"]).to_pylist()
    texts: dict[str, str] = {}  # each text once, with the first place it was seen at
    for row in rows:
        for name in ("template", "service", "version", "namespace"):
            if row[name]:
                texts.setdefault(row[name], row["place"])
    for letter in found.letters:
        if letter.detail:
            texts.setdefault(letter.detail, letter.place)
    return [{"place": place, "text": text} for text, place in texts.items()]


class _Refused(msgspec.Struct):
    base64: bytes


def _refused(bucket: Bucket, hour: Hour, index_prefix: str) -> list[Row]:
    """Documents of the hour's day that the index refused, alerts that Slack refused: they are redacted, too."""
    decode = msgspec.json.Decoder(_Refused).decode
    day, month = hour.day.replace("-", "."), hour.day[:7].replace("-", ".")
    rows: list[Row] = []
    for index in (
        f"{index_prefix}-logs-{day}",
        f"{index_prefix}-logs-stream",
        f"{index_prefix}-alerts-{month}",
        "slack",
    ):
        for one in opened(bucket, f"dead-letters/refused={index}/", at_most=MAX_REFUSED):
            for number, line in enumerate(one.lines[:MAX_REFUSED]):
                try:
                    body = decode(line).base64
                except (msgspec.MsgspecError, UnicodeDecodeError):
                    body = line  # not ours: look at it as it is
                text = body.decode(errors="replace")
                rows.append({"place": f"{one.key}#{number}", "text": text})
    return rows
