"""How a pipeline that runs on this machine is, by its own metrics: breakers, lag, what waits."""

import time
from collections.abc import Iterable, Mapping

import requests
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from dataflows.check.line import Line

PORT_VARIABLE = "BYTEWAX_DATAFLOW_API_PORT"
"""Bytewax's own variable, so that the check asks where the pipeline answers. Bytewax listens on every address."""
PORT = 3030
"""Bytewax's default."""
CONNECT_S = 1.0
READ_S = 5.0
"""The page needs the interpreter's lock, which a long call in C may hold for a while."""
MAX_BYTES = 16 * 2**20
"""More than any pipeline's metrics: some 100 kB. Something else that answers there must not fill the memory."""

_STATES = {0: "closed", 1: "half-open", 2: "OPEN"}
_MIB = 2**20


def running(environment: Mapping[str, str]) -> Line:
    """The pipeline beside this process: one line. None here is no failure; an open breaker is."""
    given = environment.get(PORT_VARIABLE) or str(PORT)
    if not given.isdecimal() or not 0 < int(given) < 65_536:
        return Line("FAIL", "running", f"{PORT_VARIABLE} is {given!r}: give a port, 1 to 65535")
    url = f"http://127.0.0.1:{given}/metrics"
    try:
        families = list(text_string_to_metric_families(_read(url)))
    except requests.ConnectionError:
        return Line("ok", "running", f"not running here: nothing answers at port {given} ({PORT_VARIABLE})")
    except (requests.RequestException, ValueError) as err:
        return Line("warn", "running", f"{url} cannot be read: {type(err).__name__}; is it a pipeline's?")
    return _told(_Numbers(families), f"port {given}")


def _read(url: str) -> str:
    """The page, whole, within `READ_S` for all of it."""
    deadline = time.monotonic() + READ_S
    body = bytearray()
    with requests.get(url, timeout=(CONNECT_S, READ_S), stream=True) as answer:
        answer.raise_for_status()
        for part in answer.iter_content(65_536):
            body += part
            if len(body) > MAX_BYTES or time.monotonic() > deadline:
                msg = "too long"
                raise ValueError(msg)
    return body.decode("utf-8", "replace")


class _Numbers:
    """The samples of one reading."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._samples = [sample for family in families for sample in family.samples]

    def values(self, name: str) -> list[float]:
        return [sample.value for sample in self._samples if sample.name == name]

    def by(self, name: str, label: str) -> dict[str, float]:
        return {sample.labels.get(label, ""): sample.value for sample in self._samples if sample.name == name}


def _told(numbers: _Numbers, where: str) -> Line:
    if not numbers.values("cali_kinesis_reads_total"):
        return Line("warn", "running", f"something answers at {where}, and it is no CALI pipeline")
    breakers = numbers.by("cali_breaker_state", "dependency")
    states = ", ".join(f"{name} {_STATES.get(round(state), '?')}" for name, state in sorted(breakers.items()))
    ages = numbers.values("cali_seconds_since_last_read")
    parts = [
        f"breakers: {states or 'none'}",
        f"behind {max(numbers.values('cali_kinesis_behind_milliseconds'), default=0) / 1000:.1f} s",
        *([f"last read {max(ages):.0f} s ago"] if ages else []),
        f"spool {sum(numbers.values('cali_spool_bytes')) / _MIB:.1f} MiB",
        f"outbox {sum(numbers.values('cali_outbox_messages')):.0f}",
    ]
    detail = f"{'; '.join(parts)} ({where})"
    opened = sorted(name for name, state in breakers.items() if round(state) == 2)
    if opened:
        advice = f"{' and '.join(opened)} failed again and again and what is for it waits: see docs/dependencies.md"
        return Line("FAIL", "running", f"{detail}; {advice}")
    return Line("ok", "running", detail)
