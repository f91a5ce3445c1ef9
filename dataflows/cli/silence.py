"""`cali silence`: silences in the rules file, without touching the rest of it."""

import fcntl
import getpass
import os
import secrets
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, NoReturn

import typer

app = typer.Typer(help="Silences of the rules file: nobody is told of what they cover.", no_args_is_help=True)

_WAIT_S = 10.0
"""For another editor of the file, which needs some milliseconds."""
_CONFIG_MAP = (
    "is part of a mounted ConfigMap, which cannot be written from here: change the file that the ConfigMap is made of, "
    "and apply that"
)

File = Annotated[Path | None, typer.Option("--file", help="The rules file; default: CALI_RULES__PATH.")]


@app.command()
def add(  # noqa: PLR0913, PLR0917 - the options of a command
    match: Annotated[
        list[str],
        typer.Option(help="What it covers: service=pay-*. Repeatable: each key must fit, by any of its values."),
    ],
    reason: Annotated[str, typer.Option(help="Why, for whoever asks later.")],
    lasts: Annotated[str | None, typer.Option("--for", help="How long from now: 90s, 15m or 2h.")] = None,
    until: Annotated[str | None, typer.Option(help="Or its end: 2026-12-01T09:00:00+09:00.")] = None,
    author: Annotated[str | None, typer.Option(help="Who; default: $USER, else git's user.name.")] = None,
    name: Annotated[str | None, typer.Option("--id", help="Its id; default: made of the time.")] = None,
    file: File = None,
) -> None:
    """Silence what fits, from now until a time."""
    from dataflows.domain.rules.silences import NewSilence, with_silence

    now = datetime.now(UTC).replace(microsecond=0)
    new = NewSilence(
        id=name or f"{now:%Y%m%d-%H%M%S}-{secrets.token_hex(2)}",
        match=_matches(match),
        until=_end(now, lasts, until),
        author=author or _author(),
        reason=reason,
    )
    if new.until <= now:
        _fail(f"the silence would end at {new.until.isoformat()}, which is over: give a later time")
    _edit(file, lambda text: with_silence(text, new))
    print(f"{new.id}: silent until {new.until.isoformat()} ({_left(new.until - now)})")


@app.command()
def ls(file: File = None) -> None:
    """List the silences, those that are over as well: id, time left, what it covers, author, reason."""
    from dataflows.domain.rules.file import RulesError, read_rules_file
    from dataflows.domain.rules.silences import described
    from dataflows.rulebook import read_text

    path = _path(file)
    try:
        silences = read_rules_file(read_text(path)).file.silences
    except RulesError as err:
        _fail(*(f"{str(path)!r}: {problem}" for problem in err.problems))
    now = datetime.now(UTC)
    for silence in sorted(silences, key=lambda silence: silence.until, reverse=True):
        left = silence.until - now
        state = f"active, {_left(left)}" if left > timedelta() else f"expired {silence.until.isoformat()}"
        print(f"{silence.id}\t{state}\t{described(silence)}\t{silence.author}\t{silence.reason}")


@app.command()
def expire(
    name: Annotated[str, typer.Argument(metavar="ID", help="Id of the silence, as `ls` lists it.")], file: File = None
) -> None:
    """End a silence now; its entry stays in the file."""
    from dataflows.domain.rules.silences import expired

    _edit(file, lambda text: expired(text, name, datetime.now(UTC).replace(microsecond=0)))
    print(f"{name}: expired")


def _edit(file: Path | None, change: Callable[[str], str]) -> None:
    """Replace the file by what `change` makes of it, keeping its mode; one editor at a time."""
    from dataflows.domain.rules.file import RulesError
    from dataflows.rulebook import read_text, replace_file

    path = _path(file)
    if any(part == "..data" for link in _links(path) for part in link.parts):
        _fail(f"{str(path)!r} {_CONFIG_MAP}")
    target = path.resolve()
    try:
        with _locked(target.parent):
            text = read_text(target)
            new = change(text)
            replace_file(target, new.encode(), stat.S_IMODE(target.stat().st_mode))
    except RulesError as err:
        _fail(*(f"{str(path)!r}: {problem}" for problem in err.problems))
    except OSError as err:
        _fail(f"{str(path)!r} cannot be written ({err.strerror}); if it {_CONFIG_MAP}")


def _links(path: Path) -> Iterator[Path]:
    """What the links from a path on lead to."""
    while path.is_symlink():
        target = path.readlink()
        yield target
        path = path.parent / target


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """The folder is locked, not the file: that is replaced."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        deadline = time.monotonic() + _WAIT_S
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    _fail(f"another process keeps {str(folder)!r} locked: try again")
                time.sleep(0.05)
        yield
    finally:
        os.close(descriptor)


def _path(file: Path | None) -> Path:
    from dataflows.settings import load

    path = file or load().rules.path
    if path is None:
        _fail("which file? Give --file, or set CALI_RULES__PATH")
    return path


def _matches(given: list[str]) -> dict[str, list[str]]:
    from dataflows.domain.rules.silences import match_keys

    out: dict[str, list[str]] = {}
    for pair in given:
        key, equals, value = pair.partition("=")
        if not equals or key not in match_keys():
            _fail(f"--match {pair!r}: give key=value, where key is one of {', '.join(match_keys())}")
        out.setdefault(key, []).append(value)
    return out


def _end(now: datetime, lasts: str | None, until: str | None) -> datetime:
    from dataflows.domain.rules.values import instant, seconds

    if (lasts is None) == (until is None):
        _fail("give either --for or --until")
    try:
        return instant(until) if until is not None else now + timedelta(seconds=seconds(lasts))
    except (ValueError, OverflowError) as err:
        option, value = ("--until", until) if until is not None else ("--for", lasts)
        _fail(f"{option} {value!r}: {err}")


def _author() -> str:
    try:
        return getpass.getuser()  # $LOGNAME, $USER, ... or the account
    except (KeyError, OSError):
        asked = subprocess.run(["git", "config", "user.name"], capture_output=True, text=True, check=False)  # noqa: S607 - whichever git there is
        return asked.stdout.strip() or _fail("who is it? Give --author")


def _left(left: timedelta) -> str:
    minutes = max(0, int(left.total_seconds())) // 60
    days, hours = divmod(minutes // 60, 24)
    return (
        f"{days} d {hours} h left" if days else f"{hours} h {minutes % 60} min left" if hours else f"{minutes} min left"
    )


def _fail(*problems: str) -> NoReturn:
    for problem in problems:
        print(f"cali silence: {problem}", file=sys.stderr)
    raise typer.Exit(1)
