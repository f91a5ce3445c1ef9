"""Records of every sort, each with the truth about it."""

import gzip
import json
import random
import time
from typing import Any, NamedTuple

_FIRST = (
    *("Amber", "Brittle", "Crooked", "Dusty", "Empty", "Frozen", "Gloomy", "Hollow", "Icy", "Jagged", "Keen", "Loose"),
    *("Misty", "Narrow", "Oaken", "Pale", "Quaint", "Rusty", "Silent", "Tidy", "Urgent", "Vivid", "Woolly", "Young"),
    *("Zesty", "Blunt", "Chalky"),
)
_SECOND = (
    *("Anchor", "Bridge", "Candle", "Drawer", "Ferry", "Garden", "Harbour", "Island", "Jetty", "Kettle", "Ladder"),
    *("Mirror", "Needle", "Orchard", "Pillar"),
)
NAMES = [a + b for b in _SECOND for a in _FIRST]
"""Names of faults: made of two words, so no name is in another."""

MALFORMED: tuple[tuple[str, bytes], ...] = (
    ("empty", b""),
    ("cut_off", b'{"level":"ERROR","log":"bo'),
    ("not_an_object", b'[{"level":"ERROR","log":"boom"}]\n'),
    ("not_json", bytes(range(11, 32))),
    ("bad_compression", gzip.compress(b'{"level":"ERROR","log":"boom"}\n', mtime=0)[:-6]),
    ("wrong_type", b'{"level":"ERROR","log_content":5,"service":"a"}\n'),
    ("unknown_level", b'{"level":"BANANA","log":"x"}\n'),
    ("bad_utf8", b'{"level":"ERROR","log":"\xff\xfe"}\n'),
    ("too_deep", b'{"level":"ERROR","log":' + b"[" * 10_000 + b"]" * 10_000 + b"}\n"),
)
"""What must become a dead letter, with the reason."""

LARGE = 1_048_576 - 36
"""Size limit of a Kinesis record, bytes (AWS service quota), without a partition key, which moto counts too."""
_DAY_S = 86_400.0
_LATE_FROM, _FUTURE_FROM = 300, 350
"""Names of late and of future-dated faults begin here in `NAMES`: they are never those of normal ones."""
_KINDS = ("info", "fault", "korean", "zipped", "late", "future", "timed", "malformed")
_WEIGHTS = (55, 25, 6, 5, 2, 2, 3, 2)


class Made(NamedTuple):
    """One record and what must become of its pieces."""

    raw: bytes
    alarming: tuple[int, ...] = ()
    """Numbers of its pieces that must be in the index."""
    rejected: tuple[tuple[int, str], ...] = ()
    """Numbers of its pieces that must be dead letters, each with its reason."""
    faults: tuple[str, ...] = ()
    """Names that must be told."""
    own_time: bool = False
    """If it comes twice, it was sent twice: then one of the two in the index is enough."""


class Maker:
    """Draws records. Times are of the wall clock; all else follows from the seed."""

    def __init__(self, rng: random.Random, faults: int) -> None:
        self._rng = rng
        self._faults = faults
        self._count = 0

    def some(self) -> list[Made]:
        """One record of any sort, now and then the very same a second time."""
        kind = self._rng.choices(_KINDS, _WEIGHTS)[0]
        made: Made = getattr(self, f"_{kind}")()
        return [made, made] if self._rng.random() < 0.05 else [made]

    def burst(self) -> list[Made]:
        """Forty malformed records at once."""
        return [self._malformed() for _ in range(40)]

    def large(self) -> Made:
        """A record of the largest size."""
        name = self._name(0, self._faults)
        room = LARGE - len(self._line("ERROR", self._text(name)))
        self._count -= 1  # the same number again: the same length
        return Made(self._line("ERROR", self._text(name) + "y" * room), (0,), faults=(name,))

    def _info(self) -> Made:
        return Made(self._line("INFO", "order paid"))

    def _fault(self) -> Made:
        name = self._name(0, self._faults)
        level = self._rng.choice(("WARN", "ERROR", "ERROR", "FATAL"))
        trace: dict[str, Any] = {"trace_id": f"{self._rng.getrandbits(4):032x}"} if self._rng.random() < 0.1 else {}
        return Made(self._line(level, self._text(name), **trace), (0,), faults=(name,))

    def _korean(self) -> Made:
        name = self._name(0, self._faults)
        text = self._text(name).replace("order failed", "주문 실패").replace("it gave way", "결제 시간 초과 🐿")
        return Made(self._line("ERROR", text, escape=self._rng.random() < 0.5), (0,), faults=(name,))

    def _zipped(self) -> Made:
        """Four lines in one record: below WARN, a fault, a malformed one, a fault."""
        one, two = self._name(0, self._faults), self._name(0, self._faults)
        bad = b'{"level":"BANANA","log":"x"}\n'
        lines = [self._line("INFO", "order paid"), self._line("ERROR", self._text(one)), bad]
        raw = gzip.compress(b"".join([*lines, self._line("WARN", self._text(two))]), mtime=0)
        return Made(raw, (1, 3), ((2, "unknown_level"),), (one, two))

    def _late(self) -> Made:
        name = self._name(_LATE_FROM, 3)
        then = time.time() - self._rng.choice((60.0, 3_600.0, 3 * _DAY_S))
        return Made(self._line("ERROR", self._text(name), timestamp=then), (0,), faults=(name,))

    def _future(self) -> Made:
        name = self._name(_FUTURE_FROM, 3)
        then = time.time() + self._rng.choice((30.0, _DAY_S))
        return Made(self._line("ERROR", self._text(name), timestamp=then), (0,), faults=(name,))

    def _timed(self) -> Made:
        """With a time of its own in nanoseconds: no pod logs the same twice."""
        name, now = self._name(0, self._faults), time.time()
        own = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{self._count:09d}Z"
        return Made(self._line("ERROR", self._text(name), time=own), (0,), faults=(name,), own_time=True)

    def _malformed(self) -> Made:
        reason, raw = self._rng.choice(MALFORMED)
        return Made(raw, rejected=((0, reason),))

    def _name(self, start: int, count: int) -> str:
        return NAMES[start + self._rng.randrange(count)]

    def _text(self, name: str) -> str:
        return f"order failed\n{name}Exception: it gave way\n\tat com.example.shop.{name}.run({name}.java:7)\n"

    def _line(self, level: str, text: str, *, escape: bool = True, **fields: Any) -> bytes:
        self._count += 1
        record = {"level": level, "service": f"shop-{len(text) % 5}", "log_content": text, "number": self._count}
        return json.dumps({**record, **fields}, ensure_ascii=escape).encode() + b"\n"
