"""An endless, seeded stream of log entries, with the truth about each."""

import json
import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import cast

from dataflows.generate.faults import Fault
from dataflows.generate.layouts import Entry, Fields, logback
from dataflows.generate.noise import Chatter
from dataflows.generate.pools import Values, draws
from dataflows.generate.script import Script, Storms
from dataflows.generate.services import SERVICES, Pod, pods_of
from dataflows.generate.traces import compile_trace


@dataclass(frozen=True, slots=True)
class Emitted:
    """One log entry of one container, and the truth about it."""

    event_us: int
    """When it happened, microseconds since the epoch; never decreases within a run."""
    pod: Pod
    level: str
    """`DEBUG`, `INFO`, `WARN`, `ERROR` or `FATAL`, however the entry itself spells it."""
    message: str
    fields: Fields
    """What the entry adds to a wire record: see `layouts`."""
    source: str
    """Id of the statement that logged it: a fault's, or `noise/...`."""
    truth: str | None
    """Id of the fault (`<scenario>/<service>`, see `faults.FAULTS`), or None for noise."""
    trace_id: str
    planted: tuple[str, ...]
    """Secrets and personal values in the entry."""

    @property
    def event_ts(self) -> float:
        """When it happened, seconds since the epoch."""
        return self.event_us / 1_000_000

    @property
    def service(self) -> str:
        """Name of the service."""
        return self.pod.service.name

    @property
    def scenario(self) -> str | None:
        """The fault's scenario, or None for noise."""
        return None if self.truth is None else self.truth.partition("/")[0]

    @property
    def text(self) -> str:
        """What the container printed, without the final newline; a trace in text has many lines."""
        document = self.fields.get("log_json")
        if document is not None:
            return json.dumps(document, ensure_ascii=False)
        content = self.fields.get("log_content") or self.fields["log"]
        return cast("str", content).removesuffix("\n")


class LogGenerator(Iterator[Emitted]):
    """Logs of seven services, one entry after the other; take as many as you need (`itertools.islice`).

    The same arguments give the same entries, byte for byte, as long as the release of Faker is the same. Entry `n`
    happens `n / rate` seconds after `start_ts`; nothing here reads a clock or waits.

    Args:
        seed: Chooses everything that is random.
        rate: Entries per second of event time, above 0.
        start_ts: When the first entry happens, seconds since the epoch.
        storms: When one fault fires in burst; None for never.

    Raises:
        ImportError: Faker is not installed.
        ValueError: `rate` or `start_ts` is no usable number.
    """

    def __init__(self, *, seed: int, rate: float, start_ts: float, storms: Storms | None = Storms()) -> None:  # noqa: B008 -- frozen
        if not (math.isfinite(rate) and rate > 0):
            message = f"rate is {rate!r}: give entries per second above 0"
            raise ValueError(message)
        if not (math.isfinite(start_ts) and start_ts >= 0):
            message = f"start_ts is {start_ts!r}: give seconds since the epoch, 0 or later"
            raise ValueError(message)
        self._rng = Random(seed)
        self._rate = rate
        self._start_us = round(start_ts * 1_000_000)
        self._pods = {service.name: pods_of(service, self._rng) for service in SERVICES}
        self._draw = draws(seed, self._rng)
        self._script = Script(self._rng, storms)
        self._traces: dict[tuple[str, str], str] = {}
        self._index = 0
        self.injected: Counter[str] = Counter()
        """Records of each fault so far, by fault id; its length is the number of distinct faults injected."""

    def __next__(self) -> Emitted:
        index = self._index
        self._index += 1
        source, story = self._script.cue(index)
        pod = self._pod(source.service, index)
        values = Values(self._draw, story)
        message = self._message(source).format_map(values)
        entry = Entry(
            event_us=self._start_us + round(index * 1_000_000 / self._rate),
            service=source.service,
            version=pod.version,
            level=source.level,
            logger=source.logger,
            thread=pod.service.threads.format(values["thread_no"]),
            trace_id=values["trace_id"],
            span_id=values["span_id"],
            request_id=values["request_id"],
            message=message,
            trace=self._trace(source, pod).format_map(values),
        )
        truth = source.id if isinstance(source, Fault) else None
        if truth is not None:
            self.injected[truth] += 1
        return Emitted(
            event_us=entry.event_us,
            pod=pod,
            level=entry.level,
            message=message,
            fields=pod.service.layout(entry),
            source=source.id,
            truth=truth,
            trace_id=entry.trace_id,
            planted=values.planted(),
        )

    def _pod(self, service: str, index: int) -> Pod:
        before, after = self._pods[service]
        return self._rng.choice(after if index >= before[0].service.rollout_at else before)

    def _message(self, source: Fault | Chatter) -> str:
        return source.message if isinstance(source, Chatter) else self._rng.choice(source.messages)

    def _trace(self, source: Fault | Chatter, pod: Pod) -> str:
        if isinstance(source, Chatter) or not source.traced:
            return ""
        key = source.id, pod.version
        if key not in self._traces:
            name = f"{source.scenario}.{source.service}"
            self._traces[key] = compile_trace(name, pod.version, packaging=pod.service.layout is logback)
        return self._traces[key]
