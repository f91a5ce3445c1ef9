"""A cap on new fingerprints per service and minute: an id-like word must not open ten thousand alerts."""

import threading
from typing import Final, Literal

from dataflows.domain.fingerprint import Fingerprint, service_fingerprint

MAX_KNOWN: Final = 50_000
"""Fingerprints remembered over all services (about 10 MB); the one unseen for longest is forgotten first."""

MAX_SERVICES: Final = 10_000
"""Services counted in one minute; beyond, the counts of that minute start anew."""

Fallback = Literal["", "coarse", "service"]
"""What an exceeded cap made of a fingerprint: nothing, the coarse one, or the one of the whole service."""


class NewFaultCap:
    """Lets at most `per_minute` new fingerprints of a service through in a minute, then as many coarse ones.

    Beyond both, all new faults of the service are one fault until the minute ends: no service opens more than
    `2 * per_minute + 1` alerts a minute, whatever it logs. A known fingerprint always keeps its name.

    Minutes are those of Kinesis' arrival time, so that a replay of the stream decides alike if it starts from the same
    memory. The memory is that of one process and is not kept over a restart: afterwards all faults are new again, so a
    service with more than `per_minute` live faults may see some of them announced under their coarse fingerprint once.
    Workers of one process share it; each process counts what it reads, so W processes let up to W times as much
    through, and a fault may be over the cap in one and under it in another, which makes two alerts of it.
    Records below the cap, nearly all, get the same fingerprint before and after a crash. Threads may share it.
    """

    def __init__(self, per_minute: int, max_known: int = MAX_KNOWN) -> None:
        self._per_minute = per_minute
        self._max_known = max_known
        self._known: dict[tuple[str, str], None] = {}
        self._minute = 0
        self._new: dict[tuple[str, Fallback], int] = {}
        self._lock = threading.Lock()

    def admit(self, given: Fingerprint, service: str, arrival_ts: float) -> tuple[Fingerprint, Fallback]:
        """Return the fingerprint to use, and what it fell back to. `arrival_ts` in seconds since the epoch."""
        with self._lock:
            if self._is_known(given.fingerprint, service) or self._takes(given.fingerprint, service, "", arrival_ts):
                return given, ""
            coarse = given._replace(fingerprint=given.coarse)
            if self._is_known(given.coarse, service) or self._takes(given.coarse, service, "coarse", arrival_ts):
                return coarse, "coarse"
        whole = service_fingerprint(service)
        return given._replace(fingerprint=whole, coarse=whole), "service"

    def _is_known(self, fingerprint: str, service: str) -> bool:
        name = (service, fingerprint)
        if name not in self._known:
            return False
        del self._known[name]
        self._known[name] = None
        return True

    def _takes(self, fingerprint: str, service: str, kind: Fallback, arrival_ts: float) -> bool:
        minute = int(arrival_ts // 60)
        if minute > self._minute or len(self._new) > 2 * MAX_SERVICES:
            self._minute = max(minute, self._minute)
            self._new.clear()
        count = self._new.get((service, kind), 0)
        if count >= self._per_minute:
            return False
        self._new[service, kind] = count + 1
        self._known[service, fingerprint] = None
        if len(self._known) > self._max_known:
            del self._known[next(iter(self._known))]
        return True
