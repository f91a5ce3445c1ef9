"""Alerts about CALI itself: what a step found wrong with the pipeline and not with a service. Pure.

They are made here and never of a log: CALI's own pods are never alerted (`dataflows.domain.own`), so that nothing is
fed back.
"""

from hashlib import blake2b
from typing import Final

from dataflows.domain.alerts import Alert, Reason
from dataflows.domain.fingerprint import FP_VERSION

SERVICE: Final = "cali"
MINUTE_S: Final = 60


def fingerprint_of(what: str) -> str:
    """Fingerprint of a finding: it looks like any other, is the same for ever, and is that of no log."""
    return blake2b(f"cali:{what}".encode(), digest_size=8).hexdigest()


def alert_about_cali(fingerprint: str, template: str, text: str, minute: int, count: int) -> Alert:
    """The alert of one minute, whose start is given in seconds since the epoch.

    Its id is made of the finding and the minute, so that a replay makes the same one again, and the ledger knows it.
    """
    name = f"{fingerprint}:{SERVICE}:{minute}+{MINUTE_S}:{Reason.FIRST}"
    return Alert(
        id=name,
        opening=name,
        reason=Reason.FIRST.value,
        held="",
        fingerprint=fingerprint,
        coarse=fingerprint,
        fp_version=FP_VERSION,
        service=SERVICE,
        namespace="",
        team="",
        level="FATAL",
        severity="critical",
        kind="message",
        types=[],
        template=template,
        text=text,
        record_id="",
        trace_id="",
        request_id="",
        count=count,
        total=count,
        told=0,
        window_start=float(minute),
        window_end=float(minute + MINUTE_S),
        first_seen=float(minute),
        last_seen=float(minute + MINUTE_S),
        arrival_ts=0.0,
        absent_s=0.0,
        usual=0.0,
        place={"pods": [], "versions": [], "nodes": []},
        started_with="",
        channel="",
        mention="",
        parent="",
        follows="",
        lines=[],
        explained=False,
    )
