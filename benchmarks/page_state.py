"""A recovery store in which the throttle holds many live faults, so that the page can be measured with them.

Filling it through the whole page would take a minute; the throttle alone takes seconds. The store is what a page that
was stopped with so many live faults leaves behind, and the page resumes from it. Of faults that no record will meet
only the number counts: their fingerprints are made up, since reading a trace of 21 lines for each took a minute.
"""

import shutil
from collections.abc import Collection, Sequence
from datetime import timedelta
from hashlib import md5
from pathlib import Path

import bytewax.operators as op
from bytewax.dataflow import Dataflow
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.testing import TestingSource, cluster_main
from page_ends import Dropping
from record_lines import START_TS, service_of, trace_of, word_of
from records import FILL_S

from connectors.slots import slot_of
from dataflows.domain.alerts import Alert, Sighting, fault_of
from dataflows.domain.fingerprint import Fingerprint, Fingerprinter
from dataflows.domain.rules import NO_RULES
from dataflows.generate.services import NAMESPACE
from dataflows.replay.page import Fixed
from dataflows.settings import Settings
from dataflows.steps.alarming import Alarm
from dataflows.steps.clock import WallClock
from dataflows.steps.throttle import throttle
from dataflows.steps.triage import AlarmingBatch

_BATCH = 10_000
_SEEN_TS = START_TS + FILL_S
_VALUES = {"a": 41327614, "b": 2107, "c": 3}


def sighting(fault: int, ts: float, fingerprint: Fingerprinter) -> Sighting:
    """What triage makes of a record of a fault."""
    service, trace = service_of(fault), trace_of(fault).format_map(_VALUES)
    return _sighting(fault, ts, service, fingerprint(trace, service), trace)


def _never_met(fault: int, ts: float) -> Sighting:
    """Of a fault of no record: as large in the state as a true one."""
    service, name = service_of(fault), word_of(fault)
    types = f"com.example.shop.{service}.{name}Exception", "java.net.SocketTimeoutException"
    digest = md5(name.encode(), usedforsecurity=False).hexdigest()  # as long as a fingerprint
    template = f"{types[0]}: could not read {name} <n>: gave up after <n> ms"
    return _sighting(fault, ts, service, Fingerprint(digest, digest, "trace", types, template), "")


def _sighting(fault: int, ts: float, service: str, print_: Fingerprint, text: str) -> Sighting:
    return Sighting(
        fault=fault_of(print_.fingerprint, service, NAMESPACE),
        event_ts=ts,
        arrival_ts=ts,
        level="ERROR",
        namespace=NAMESPACE,
        pod=f"{service}-7d9f8b6c5-x2x2x",
        version="1.0.0",
        node="ip-10-20-1-17.ap-northeast-2.compute.internal",
        trace_id="",
        request_id="",
        record_id=f"shardId-000000000000-4959{fault:052d}-0",
        kind=print_.kind,
        types=print_.types,
        coarse=print_.coarse,
        template=print_.template,
        text=text,
    )


def make_stores(folder: Path, sizes: Sequence[int], settings: Settings, met: Collection[int]) -> dict[int, Path]:
    """One store for each number of live faults, in ascending order; each goes on from the one before.

    Records may be of the faults `met` only.
    """
    stores: dict[int, Path] = {}
    fingerprint, before = Fingerprinter(), 0
    for size in sizes:
        stores[size] = folder / str(size)
        if before:
            shutil.copytree(stores[before], stores[size])
        else:
            stores[size].mkdir(parents=True)
            init_db_dir(stores[size], 1)
        _add(stores[size], range(before, size), settings, fingerprint, met)
        before = size
    return stores


def _add(store: Path, faults: range, settings: Settings, fingerprint: Fingerprinter, met: Collection[int]) -> None:
    batches = []
    for start in range(faults.start, faults.stop, _BATCH):
        numbers = range(start, min(faults.stop, start + _BATCH))
        seen = (sighting(n, _SEEN_TS, fingerprint) if n in met else _never_met(n, _SEEN_TS) for n in numbers)
        alarms = [Alarm(one, b"") for one in seen]  # the throttle looks at no document
        batches.append(AlarmingBatch("slot-00", alarms))
    flow = Dataflow("cali")
    alarming = op.input(f"fill_in_{faults.start}", flow, TestingSource(batches))
    alerts = throttle("throttle", alarming, settings.window, WallClock(), Fixed(NO_RULES), finish=False)
    op.output("fill_out", op.map("by_slot", alerts, _by_slot), Dropping())
    cluster_main(flow, [], 0, recovery_config=RecoveryConfig(store, timedelta(0)))


def _by_slot(keyed: tuple[str, Alert]) -> tuple[str, Alert]:
    return slot_of(0), keyed[1]
