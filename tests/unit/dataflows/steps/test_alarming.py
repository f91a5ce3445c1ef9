"""The stages that make alarms: a piece that fails leaves nothing behind but its dead letter."""

import gc
import json
import weakref

from dataflows.domain.own import Own
from dataflows.domain.redaction import redact
from dataflows.domain.rejections import RejectReason
from dataflows.domain.trace.frames import FRAMEWORKS
from dataflows.steps.alarming import Alarming, Loud


class _Piece(Loud):
    """One that can be watched."""

    __slots__ = ("__weakref__",)


def _piece(raw: bytes) -> _Piece:
    return _Piece(raw, "shardId-0", "1", 0, 1_795_000_200.0)


def test_a_rejected_piece_holds_no_other() -> None:
    """Without a look for garbage the pieces beside a rejected one are freed: it kept 60 MiB of each bomb, once."""
    alarming = Alarming(None, redact, FRAMEWORKS, cap=None, own=Own(""), resent=None)
    bad = _piece(b'{"level":"ERROR","log":7}')
    good = _piece(json.dumps({"level": "ERROR", "log": "boom"}).encode())
    watched = weakref.ref(good)
    gc.disable()
    try:
        alarming([bad, good])
        was_alarm = good.alarm is not None
        del good
        assert (True, None) == (was_alarm, watched())
    finally:
        gc.enable()
    assert bad.error is not None
    assert (RejectReason.WRONG_TYPE, None, None) == (bad.error.reason, bad.error.__traceback__, bad.error.__context__)
