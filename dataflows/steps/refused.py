"""Dead letters of what had been understood: documents that the index, and alerts that Slack, will never take."""

import json
from hashlib import blake2b
from itertools import groupby
from typing import Protocol

from connectors.opensearch import SPOOL_FULL, Refused
from connectors.spool import Chunk
from dataflows.domain.alerts import Alert
from dataflows.render.archive import refused_line


class Outbox(Protocol):
    """Takes single objects; durable when `put` returns."""

    def put(self, chunk: Chunk) -> None:
        """Keep one object."""


def refuse(outbox: Outbox, refused: list[Refused]) -> None:
    """Documents that the index will never take, into the dead letters, one object each: the same at every replay.

    Those that found the spool full come in batches, and are one object a batch: after a crash some may be in two.
    """
    late = [bad for bad in refused if bad.reason == SPOOL_FULL]
    for index, group in groupby(late, key=lambda bad: bad.doc.index_name):
        bads = list(group)
        lines = [refused_line(index, bad.doc.id, bad.reason, bad.doc.body) for bad in bads]
        name = blake2b("\n".join(bad.doc.id for bad in bads).encode(), digest_size=16).hexdigest()
        outbox.put(Chunk(f"dead-letters/refused={index}", name, "0", "0", len(lines), b"".join(lines)))
    for bad in (bad for bad in refused if bad.reason != SPOOL_FULL):
        line = refused_line(bad.doc.index_name, bad.doc.id, bad.reason, bad.doc.body)
        folder = f"dead-letters/refused={bad.doc.index_name}"
        name = blake2b(bad.doc.id.encode(), digest_size=16).hexdigest()  # an id may be longer than a file name
        outbox.put(Chunk(folder, name, "0", "0", 1, line))


def refuse_alert(outbox: Outbox, alert: Alert, detail: str) -> None:
    """An alert that Slack will never take, into the dead letters."""
    line = refused_line("slack", alert["id"], detail, json.dumps(alert).encode())
    name = blake2b(alert["id"].encode(), digest_size=16).hexdigest()
    outbox.put(Chunk("dead-letters/refused=slack", name, "0", "0", 1, line))
