"""What nobody will take is kept as dead letters."""

import json
from collections.abc import Callable

from connectors.opensearch import SPOOL_FULL, Doc, Refused
from connectors.spool import Chunk
from dataflows.domain.alerts import Alert
from dataflows.steps.refused import refuse, refuse_alert


class Outbox:
    """Takes objects."""

    def __init__(self) -> None:
        self.objects: list[Chunk] = []

    def put(self, chunk: Chunk) -> None:
        """Keep one."""
        self.objects.append(chunk)


def test_refused_documents_are_dead_letters() -> None:
    """One object for each that the index refuses, one for all of an index that found the spool full."""
    outbox = Outbox()
    docs = [Doc(index, str(number), b"{}") for index in ("logs", "alerts") for number in range(2)]
    refuse(outbox, [Refused(doc, SPOOL_FULL) for doc in docs] + [Refused(doc, "strict") for doc in docs[:2]])
    assert [
        ("dead-letters/refused=logs", 2, 2),
        ("dead-letters/refused=alerts", 2, 2),
        ("dead-letters/refused=logs", 1, 1),
        ("dead-letters/refused=logs", 1, 1),
    ] == [(chunk.folder, chunk.records, chunk.payload.count(b"\n")) for chunk in outbox.objects]
    assert 4 == len({chunk.folder + chunk.origin for chunk in outbox.objects})


def test_a_refused_alert_is_a_dead_letter(make_alert: Callable[..., Alert]) -> None:
    """One object, with Slack's word for it and the alert itself; the same object at every replay."""
    outbox, alert = Outbox(), make_alert()
    refuse_alert(outbox, alert, "channel_not_found")
    refuse_alert(outbox, alert, "channel_not_found")
    once, again = outbox.objects
    letter = json.loads(once.payload)
    assert once == again
    assert ("dead-letters/refused=slack", 1) == (once.folder, once.records)
    assert (alert["id"], "channel_not_found") == (letter["id"], letter["detail"])
