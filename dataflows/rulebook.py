"""The rules in force: a file that is looked at every few seconds, and a copy of the last version that was good."""

import os
import tempfile
import threading
from hashlib import blake2b
from pathlib import Path
from typing import Final

import structlog

from dataflows import metrics
from dataflows.domain.rules import NO_RULES, Rules, RulesError, parse_rules
from dataflows.domain.rules.yaml import MAX_BYTES

log = structlog.get_logger(__name__)

LOOK_EVERY_S: Final = 2.0
"""Our choice: kubelet itself takes up to a minute to bring a ConfigMap to a pod."""
MAX_LOGGED: Final = 20
"""Problems in one log event. Our choice: `cali rules check` tells all."""


class UnreadableError(RulesError):
    """The file cannot be read at all."""


class Rulebook:
    """Rules from a file, kept up to date by a thread.

    A version is judged when two looks in a row have found the same content, so a file that is half written is not.
    One that has problems is refused whole, and so is a file that vanished: what was in force stays in force. Content
    decides, never the time of change: Kubernetes swaps a ConfigMap by a link.

    Args:
        path: the file; None: `NO_RULES` for ever, and no thread.
        last_good: where a copy of the version in force is kept, for a start with a bad file.
        look_every_s: seconds between two looks.

    Raises:
        RulesError: the file cannot be used and there is no last good version.
    """

    def __init__(self, path: Path | None, last_good: Path | None = None, *, look_every_s: float = LOOK_EVERY_S) -> None:
        self._path = path
        self._last_good = last_good
        self._look_every_s = look_every_s
        self._rules = NO_RULES
        self._in_force = self._seen = self._settled = b""
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="rulebook", daemon=True)
        if path is not None:
            self._begin(path)
            self._thread.start()

    def current(self) -> Rules:
        """Return the rules in force. Never waits, never raises."""
        return self._rules

    def close(self) -> None:
        """End the thread; what is in force stays."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()

    def look(self) -> None:
        """Look at the file once, as the thread does. Never raises."""
        if self._path is None:
            return
        found, content = _found(self._path)
        seen, self._seen = self._seen, found
        if found != seen or found == self._settled:
            return
        self._settled = found
        if found == self._in_force:
            metrics.RULES_REFUSED.set(0)
            log.info("rules.restored", path=str(self._path), version=self._rules.version)
            return
        try:
            self._take(self._path, found, content)
        except RulesError as err:
            self._refuse(err)

    def _begin(self, path: Path) -> None:
        found, content = _found(path)
        self._seen = self._settled = found
        try:
            self._take(path, found, content)
        except RulesError as err:
            self._fall_back(err)

    def _fall_back(self, err: RulesError) -> None:
        """Start with the last good version, saying so."""
        if self._last_good is None or not self._last_good.is_file():
            raise err
        try:
            raw = _read(self._last_good)
            self._rules = parse_rules(_decoded(raw, self._last_good))
        except RulesError as worse:
            raise RulesError([*err.problems, *_at(self._last_good, worse).problems]) from worse
        self._in_force = _hash(raw)
        self._refuse(err)

    def _take(self, path: Path, found: bytes, content: bytes | UnreadableError) -> None:
        """Put content in force, if it can be."""
        if isinstance(content, UnreadableError):
            raise content
        rules = parse_rules(_decoded(content, path))
        self._rules, self._in_force = rules, found
        metrics.RULES_RELOADS.labels("loaded").inc()
        metrics.RULES_REFUSED.set(0)
        log.info("rules.loaded", path=str(path), version=rules.version, silences=len(rules.silences))
        if self._last_good is not None:
            try:
                if not self._last_good.is_file() or self._last_good.read_bytes() != content:
                    replace_file(self._last_good, content, 0o600)
            except OSError as err:
                log.error("rules.not_kept", path=str(self._last_good), error=err.strerror, effect="no copy for a start")  # noqa: TRY400 - no bug

    def _refuse(self, err: RulesError) -> None:
        metrics.RULES_RELOADS.labels("unreadable" if isinstance(err, UnreadableError) else "refused").inc()
        metrics.RULES_REFUSED.set(1)
        log.error(
            "rules.refused",
            path=str(self._path),
            problems=err.problems[:MAX_LOGGED],
            problems_in_all=len(err.problems),
            in_force=self._rules.version,
            effect="the version in force stays; correct the file, `cali rules check` tells the same problems",
        )

    def _watch(self) -> None:
        while not self._ended.wait(self._look_every_s):
            self.look()


def read_rules(path: Path) -> Rules:
    """Read a rules file once.

    Raises:
        RulesError: it cannot be read or has problems; a line each, with the path.
    """
    try:
        return parse_rules(read_text(path))
    except RulesError as err:
        raise _at(path, err) from err


def read_text(path: Path) -> str:
    """The text of a rules file, line ends as they are.

    Raises:
        RulesError: it cannot be read, is too large, or is not UTF-8.
    """
    return _decoded(_read(path), path)


def replace_file(path: Path, content: bytes, mode: int) -> None:
    """Write a file whole or not at all, with the owner of the one before. May raise OSError: then all is as before."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    new = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            if path.exists() and (path.stat().st_uid, path.stat().st_gid) != (os.getuid(), os.getgid()):
                os.fchown(file.fileno(), path.stat().st_uid, path.stat().st_gid)
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        new.replace(path)
    except OSError:
        new.unlink(missing_ok=True)
        raise


def _found(path: Path) -> tuple[bytes, bytes | UnreadableError]:
    """What is there now, with a hash to tell it from what was there before."""
    try:
        content = _read(path)
    except UnreadableError as err:
        return b"unreadable", err
    return _hash(content), content


def _hash(content: bytes) -> bytes:
    return blake2b(content, digest_size=16).digest()


def _read(path: Path) -> bytes:
    try:
        if path.exists() and not path.is_file():
            raise UnreadableError(["is no file: give the path of a YAML file"])
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 4)  # a BOM more
    except OSError as err:
        raise UnreadableError([f"cannot be read ({err.strerror}): give the path of a file that can"]) from err
    return raw


def _decoded(raw: bytes, path: Path) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as err:
        if len(raw) > MAX_BYTES:
            return "x" * len(raw)  # cut within a character: what is wrong is the size
        line = raw.count(b"\n", 0, err.start) + 1
        raise RulesError(
            [f"line {line}: the byte 0x{raw[err.start]:02x} is not UTF-8: save {path.name!r} as UTF-8"]
        ) from err


def _at(path: Path, err: RulesError) -> RulesError:
    return type(err)([f"{str(path)!r}: {problem}" for problem in err.problems])
