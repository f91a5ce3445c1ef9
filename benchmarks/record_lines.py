"""A single record of those that the page is measured with, as a line of Fluent Bit's wire format.

As `dataflows.generate.wire` renders it, without the ids of pod, container and image, which nobody searches by; records
of less than 400 bytes have neither Kubernetes metadata nor the whole trace. A third each of the shapes: text, fields of
a parser, merged JSON. Every record from WARN up is an ERROR with a stack trace of 21 lines; one in three carries an
e-mail address and an IP address. Faults differ in words of their types and frames, never in numbers, since fingerprints
mask those.
"""

from collections.abc import Callable
from random import Random
from typing import Any, NamedTuple

import msgspec

from dataflows.generate import wire
from dataflows.generate.generator import Emitted
from dataflows.generate.services import SERVICES, Pod, pods_of

START_TS = 1_795_000_200
"""A multiple of the throttle's window: all records of a run lie in one, so repeats are counted in an open window."""
USUAL_SHARE = 0.03


_DROPPED = ("pod_id", "docker_id", "container_image")
_SMALL, _SMALL_TRACE = 400, 3
"""Bytes below which a record is stripped, and the lines of a trace that it then keeps."""
_SYLLABLES = ("ka", "le", "mi", "no", "pu", "ra", "se", "ti", "vo", "zu", "gu", "hy", "jo", "lo", "wi")
_WORDS = ("order", "stock", "price", "cart", "batch", "query", "route", "cache", "retry", "lease", "topic", "token")
_QUIET = (
    "order {a} placed items={b} amount={c}",
    "GET /api/v1/orders/{a} 200 {b}ms",
    "stock of sku-{a} is {b}, threshold {c}",
    "consumed offset {a} of partition {b} in {c} ms",
)
_LOUD = (
    "Could not finish order {a} after {b} ms",
    "Request {a} failed after {b} ms, attempt {c}",
    "Could not notify user{a}@shop.example.com from 10.20.{d}.{d} about order {a}",
)
_TRACE = """\
com.example.shop.{service}.{name}Exception: could not read {name} {a}: gave up after {b} ms
\tat com.example.shop.{service}.{name}Repository.find({name}Repository.java:{line})
\tat com.example.shop.{service}.{name}Service.load({name}Service.java:{line})
\tat com.example.shop.{service}.api.{name}Controller.show({name}Controller.java:51)
\tat java.base/jdk.internal.reflect.DirectMethodHandleAccessor.invoke(DirectMethodHandleAccessor.java:103)
\tat java.base/java.lang.reflect.Method.invoke(Method.java:580)
\tat org.springframework.aop.support.AopUtils.invokeJoinpointUsingReflection(AopUtils.java:359)
\tat org.springframework.web.method.support.InvocableHandlerMethod.doInvoke(InvocableHandlerMethod.java:255)
\tat org.springframework.web.method.support.InvocableHandlerMethod.invokeForRequest(InvocableHandlerMethod.java:188)
\tat org.springframework.web.servlet.DispatcherServlet.doDispatch(DispatcherServlet.java:1089)
\tat org.springframework.web.servlet.DispatcherServlet.doService(DispatcherServlet.java:979)
\tat org.springframework.web.servlet.FrameworkServlet.processRequest(FrameworkServlet.java:1014)
\tat jakarta.servlet.http.HttpServlet.service(HttpServlet.java:614)
\tat org.apache.catalina.core.ApplicationFilterChain.internalDoFilter(ApplicationFilterChain.java:206)
\tat org.apache.catalina.core.StandardWrapperValve.invoke(StandardWrapperValve.java:167)
\tat org.apache.tomcat.util.threads.ThreadPoolExecutor.runWorker(ThreadPoolExecutor.java:1190)
\tat java.base/java.lang.Thread.run(Thread.java:1583)
Caused by: java.net.SocketTimeoutException: Read timed out after {b} ms
\tat java.base/sun.nio.ch.NioSocketImpl.timedRead(NioSocketImpl.java:278)
\tat java.base/java.net.Socket$SocketInputStream.read(Socket.java:1099)
\t... 42 more"""


def word_of(number: int) -> str:
    """A name of its own for each number below 759,375, without digits."""
    name = ""
    for _ in range(5):
        number, digit = divmod(number, len(_SYLLABLES))
        name += _SYLLABLES[digit]
    return name.capitalize()


def service_of(fault: int) -> str:
    """Which service has a fault."""
    return SERVICES[fault % len(SERVICES)].name


def trace_of(fault: int) -> str:
    """Its stack trace, with holes for values: a release of a service has one line number for each of its frames."""
    trace = _TRACE.replace("{service}", service_of(fault)).replace("{name}", word_of(fault))
    return trace.replace("{line}", str(20 + fault % 400))


def _text(emitted: "_Line") -> dict[str, object]:
    return {"log": f"{emitted.stamp} {emitted.level:<5} [{emitted.service}] [exec-7] - {emitted.whole}\n"}


def _fields(emitted: "_Line") -> dict[str, object]:
    content = f"{emitted.stamp} {emitted.level} - {emitted.whole}"
    return {"timestamp": emitted.stamp, "level": emitted.level, "service": emitted.service, "log_content": content}


def _json(emitted: "_Line") -> dict[str, object]:
    fields = {"level": emitted.level, "logger": "c.e.shop.Api", "message": emitted.message, "requestId": emitted.id}
    return {"log_json": {**fields, "stack_trace": emitted.trace} if emitted.trace else fields}


_SHAPES: dict[str, Callable[["_Line"], dict[str, object]]] = {"text": _text, "fields": _fields, "json": _json}


class _Line(NamedTuple):
    stamp: str
    level: str
    service: str
    id: str
    message: str
    trace: str

    @property
    def whole(self) -> str:
        return f"{self.message}\n{self.trace}" if self.trace else self.message


class Maker:
    """Makes single records; what it makes depends on what it is given and on the order of the calls."""

    def __init__(self, seed: int, size: int, shape: str) -> None:
        """`size` in bytes, on average at `USUAL_SHARE`; `shape` is `text`, `fields`, `json`, or empty for all."""
        self._size, self._shape = size, shape
        self._rng = Random(seed)  # noqa: S311 - log lines, not secrets
        self._pods = [pod for service in SERVICES for pod in pods_of(service, self._rng)[0]]
        self._made = 0
        blob = max(200_000, 20 * size)
        self._words = " ".join(self._word() for _ in range(blob // 8))
        self._loud_bytes = self._quiet_bytes = 0
        loud = sum(len(self.loud(n, START_TS)) for n in range(300)) / 300
        self._loud_bytes = size
        usual = (size - USUAL_SHARE * max(loud, size)) / (1 - USUAL_SHARE)
        self._quiet_bytes = max(0, round(usual))

    def _word(self) -> str:
        return f"{self._rng.choice(_WORDS)}-{self._rng.getrandbits(24):06x}"

    def quiet(self, ts: float) -> bytes:
        """A record below WARN."""
        return self._padded("INFO", self._rng.choice(_QUIET), "", self._rng.choice(self._pods), ts, self._quiet_bytes)

    def loud(self, fault: int, ts: float) -> bytes:
        """A record of a fault."""
        pod = self._rng.choice([pod for pod in self._pods if pod.service.name == service_of(fault)])
        trace = trace_of(fault)
        if self._size < _SMALL:
            trace = "\n".join(trace.split("\n")[:_SMALL_TRACE])
        return self._padded("ERROR", self._rng.choice(_LOUD), trace, pod, ts, self._loud_bytes)

    def _padded(self, level: str, message: str, trace: str, pod: Pod, ts: float, size: int) -> bytes:  # noqa: PLR0913, PLR0917 - the parts of a line
        rng = self._rng
        shape = self._shape or ("text", "fields", "json")[self._made % 3]
        self._made += 1
        values = {"a": rng.randrange(10**7, 10**8), "b": rng.randrange(10, 5_000), "c": rng.randrange(1, 90)}
        values["d"] = rng.randrange(20, 250)
        stamp = wire._second(int(ts)) + f",{int(ts * 1000) % 1000:03d}"  # noqa: SLF001 - the same clock as the envelope's
        line = _Line(stamp, level, pod.service.name, f"{rng.getrandbits(64):016x}", "", trace.format_map(values))
        line = line._replace(message=message.format_map(values))
        record = self._render(line, shape, pod, ts)
        missing = size - len(record)
        if missing > 1:
            start = rng.randrange(max(1, len(self._words) - missing))
            line = line._replace(message=f"{line.message} {self._words[start : start + missing - 1]}")
            record = self._render(line, shape, pod, ts)
        return record

    def _render(self, line: _Line, shape: str, pod: Pod, ts: float) -> bytes:
        emitted = Emitted(
            event_us=int(ts * 1e6),
            pod=pod,
            level=line.level,
            message=line.message,
            fields=_SHAPES[shape](line),
            source="",
            truth=None,
            trace_id="",
            planted=(),
        )
        record: dict[str, Any] = wire.record(emitted)
        if self._size < _SMALL:
            return msgspec.json.encode({"time": record["time"], **emitted.fields}) + b"\n"
        place = {name: value for name, value in record["kubernetes"].items() if name not in _DROPPED}
        return msgspec.json.encode({**record, "kubernetes": place}) + b"\n"
