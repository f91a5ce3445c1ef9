"""Secrets made at test time, and the search for what is left of them."""

import base64
import json
import secrets
import string
from collections.abc import Iterable
from dataclasses import dataclass, field

PIECE = 12
"""Characters of a secret that must not be seen in a row at its start or end: a cut secret is found too."""
_WORD = string.ascii_letters + string.digits


def word(length: int) -> str:
    """Random letters and digits, one of each kind among the first three."""
    ends = (string.ascii_uppercase, string.digits, string.ascii_lowercase)
    return "".join([*map(secrets.choice, ends), *(secrets.choice(_WORD) for _ in range(length - 3))])


def _claims() -> str:
    return base64.urlsafe_b64encode(json.dumps({"sub": word(24)}).encode()).decode().rstrip("=")


@dataclass
class Secrets:
    """Makes secrets, and remembers where each was planted."""

    planted: dict[str, str] = field(default_factory=dict)
    """The random part of a secret -> where it was planted."""

    def token(self, kind: str, place: str) -> str:
        """A secret as it stands in a text: one with a shape of its own, or a value behind a telling word."""
        if kind == "aws":
            core = "".join(secrets.choice(string.ascii_uppercase + "234567") for _ in range(16))
            return self._noted(core, kind, place, "AKI" + f"A{core}")
        core = word(40)
        if kind == "jwt":
            core = word(43)
            head = base64.urlsafe_b64encode(b'{"alg":"HS256","typ":"JWT"}').decode().rstrip("=")
            return self._noted(core, kind, place, f"{head}.{_claims()}.{core}")
        shapes = {
            "github": f"gh{'p_'}{core}",
            "slack": f"xox{'b-'}{core}",
            "openai": f"sk{'-proj-'}{core}",
            "password": f"password={core}",
            "bearer": f"Authorization: Bearer {core}",
            "url": f"postgres://app:{core}@db.prod:5432/orders",
            "korean": f"비밀번호: {core}",
        }
        return self._noted(core, kind, place, shapes[kind])

    def plain(self, place: str, length: int = 32, before: str = "") -> str:
        """A secret for a setting."""
        core = word(length)
        return self._noted(core, "setting", place, before + core)

    def _noted(self, core: str, kind: str, place: str, text: str) -> str:
        self.planted[core] = f"{kind} in {place}"
        return text

    def found_in(self, outputs: Iterable[tuple[str, bytes]]) -> list[str]:
        """Where a secret, an end of it, or its base64 is seen: one line each."""
        needles = [(piece, where) for core, where in self.planted.items() for piece in _pieces(core)]
        found = {f"{where} -> {name}" for name, content in outputs for piece, where in needles if piece in content}
        return sorted(found)


def _pieces(core: str) -> set[bytes]:
    """Both ends, and what base64 makes of the middle, wherever in a group of three bytes it begins."""
    raw = core.encode()
    coded = {base64.b64encode(raw[start:-3])[4:-4] for start in range(3)}
    return {raw[:PIECE], raw[-PIECE:], *coded}
