"""What the demo shows while it runs: a line of numbers that moves, and the messages as they arrive."""

import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any, NamedTuple, Self

from rich.console import Console
from rich.live import Live
from rich.text import Text

from dataflows.demo import card_text

_PLAIN_WIDTH = 100
_PLAIN_EVERY_S = 5.0
_NOTE = 40
"""Columns kept for what a reply adds."""
_ANALYSIS_S = 3.0
"""How long a card is kept back here for its analysis: Slack has it at once, and shows it anew."""
_MOST_LINES = 9
"""Lines below the header of a message that is shown in full."""


class Progress(NamedTuple):
    """The numbers of one moment."""

    phase: str
    put: int
    """Records put, of those that will be."""
    planned: int
    read: int
    behind_ms: int
    alarming: int
    faults: int
    """Announcements: each fault once per window."""
    sent: int
    spool: int
    """Files that wait for S3."""


class Screen:
    """Writes to standard output: moving on a terminal, plain lines anywhere else. Used by one thread."""

    def __init__(self, console: Console | None = None) -> None:
        if console is None:
            console = Console(highlight=False, markup=False, emoji=False)
            if not console.is_terminal:
                console.width = _PLAIN_WIDTH
        self.console = console
        self._live = Live(console=console, refresh_per_second=4, transient=True) if console.is_terminal else None
        self._cards: dict[str, tuple[float, Mapping[str, Any]]] = {}
        self._titles: dict[str, str] = {}
        self._plain_at = 0.0

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.still()

    def still(self) -> None:
        """Take the moving line away for good. Idempotent."""
        if self._live:
            self._live.update(Text(""))
            self._live.stop()
            self._live = None

    def say(self, text: str, style: str = "") -> None:
        """One line that stays."""
        self.console.print(Text(text, style=style))

    def message(self, message: Mapping[str, Any]) -> None:
        """One Slack message, new or updated: a card is kept until its analysis is in; a reply is one line at once."""
        payload, ts = message["payload"], message["ts"]
        if message["thread_ts"]:
            above = self._titles.get(message["thread_ts"], "")
            self._line(f"  ↳ {above} · {card_text.headline(payload)}", "dim")
        elif ts in self._cards:
            since, _ = self._cards[ts]
            self._cards[ts] = (min(since, 0.0) if message["edited"] else since, payload)
        elif ts not in self._titles:
            self._titles[ts] = self._short(card_text.title(payload))
            self._cards[ts] = (time.monotonic(), payload)

    def cards(self, *, at_last: bool = False) -> None:
        """Show the cards (each cut to ten lines) that have their analysis, or have waited for it long enough."""
        for ts, (since, payload) in list(self._cards.items()):
            if at_last or time.monotonic() - since >= _ANALYSIS_S:
                del self._cards[ts]
                self._line(card_text.title(payload), "bold")
                for text in card_text.body(payload)[:_MOST_LINES]:
                    self._line(f"    {text}", "dim" if text.startswith("|") else "")

    def _short(self, name: str) -> str:
        short = Text(name)
        short.truncate(self.console.width - _NOTE, overflow="ellipsis")
        return short.plain

    def progress(self, now: Progress) -> None:
        """The numbers as they are now."""
        text = (
            f"{now.phase} {now.put:,}/{now.planned:,} · read {now.read:,}, {now.behind_ms / 1000:.1f} s behind"
            f" · WARN+ {now.alarming:,} · faults {now.faults} · sent {now.sent} · spool {now.spool}"
        )
        if self._live:
            self._live.update(Text(text, style="cyan", no_wrap=True, overflow="ellipsis"))
        elif time.monotonic() - self._plain_at >= _PLAIN_EVERY_S:
            self._plain_at = time.monotonic()
            self._line(text)

    def _line(self, text: str, style: str = "") -> None:
        """At most one row: what does not fit ends with an ellipsis."""
        line = Text(text, style=style, no_wrap=True, overflow="ellipsis")
        line.truncate(self.console.width, overflow="ellipsis")
        self.console.print(line, no_wrap=True, overflow="ellipsis", crop=True)
