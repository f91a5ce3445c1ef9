"""What the demo prints."""

import io
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from dataflows.demo.screen import Progress, Screen


def _text(text: str) -> dict[str, str]:
    return {"type": "text", "text": text}


def _message(
    title: str, *, headline: str = "", ts: str = "1.0", thread_ts: str = "", edited: int = 0
) -> dict[str, Any]:
    blocks: list[dict[str, Any]] = [{"type": "header", "text": {"type": "plain_text", "text": title}}]
    if headline:
        section = {"type": "rich_text_section", "elements": [_text(headline)]}
        blocks.append({"type": "rich_text", "elements": [section]})
    when = "<!date^1763764859^{date_short_pretty} {time_secs}|2025-11-21 22:40:59 UTC>"
    facts = [{"type": "mrkdwn", "text": fact} for fact in ("*ERROR*", "seen once", f"first {when}")]
    causes = [{"type": "rich_text_section", "elements": [_text(cause)]} for cause in ("a leak", "a lock", "load")]
    log = [_text(f"한글 로그 {n} " + "가나다" * 60) for n in range(4)]
    payload = {
        "text": title,
        "blocks": [
            *blocks,
            {"type": "context", "elements": facts},
            {
                "type": "rich_text",
                "elements": [
                    {"type": "rich_text_section", "elements": [_text("Probable causes")]},
                    {"type": "rich_text_list", "elements": causes},
                ],
            },
            {
                "type": "rich_text",
                "elements": [
                    {"type": "rich_text_section", "elements": [_text("Log")]},
                    {"type": "rich_text_preformatted", "elements": [_text("\n".join(str(x["text"]) for x in log))]},
                ],
            },
        ],
    }
    return {"payload": payload, "ts": ts, "thread_ts": thread_ts, "edited": edited}


@pytest.fixture
def plain() -> io.StringIO:
    """Standard output that is a file."""
    return io.StringIO()


def _screen(out: io.StringIO) -> Screen:
    return Screen(Console(file=out, width=100, highlight=False, markup=False, emoji=False))


def test_a_new_fault_is_shown_whole(plain: io.StringIO) -> None:
    """Title, facts with dates a person reads, causes in one line, two lines of the log; each within 100 columns."""
    with _screen(plain) as screen:
        screen.message(_message("🔴 payment: pool [bold]empty :bomb:"))
        screen.cards(at_last=True)

    lines = plain.getvalue().splitlines()
    assert [
        "🔴 payment: pool [bold]empty :bomb:",
        "    ERROR · seen once · first 2025-11-21 22:40:59 UTC",
        "    Probable causes: a leak; a lock (+1)",
    ] == lines[:3]
    assert 5 == len(lines)
    assert max(map(cell_len, lines)) <= 100


def test_a_card_is_shown_once_with_its_analysis(plain: io.StringIO) -> None:
    """It is kept back until it is updated, or for seconds; what is updated later is not shown again."""
    with _screen(plain) as screen:
        screen.message(_message("🔴 payment: pool"))
        screen.cards()
        before = plain.getvalue()
        screen.message(_message("🔴 payment: pool", headline="A runbook matches", edited=1))
        screen.cards()
        shown = plain.getvalue()
        screen.message(_message("🔴 payment: pool", headline="Resolved", edited=2))
        screen.cards(at_last=True)

    assert ("", True) == (before, "A runbook matches" in shown)
    assert shown == plain.getvalue()


def test_a_reply_is_one_line(plain: io.StringIO) -> None:
    """It names the card above it, and what it adds is never cut off."""
    title = "🔴 payment: " + "long " * 40
    with _screen(plain) as screen:
        screen.message(_message(title))
        screen.message(_message("", headline="+41 more in 15 s", ts="2.0", thread_ts="1.0"))

    (line,) = plain.getvalue().splitlines()
    assert ("  ↳ 🔴 payment: long", "+41 more in 15 s") == (line[:19], line.rpartition(" · ")[2])
    assert cell_len(line) <= 100


def test_a_file_gets_no_control_codes_and_progress_now_and_then(plain: io.StringIO) -> None:
    """Piped, progress is a plain line every five seconds, not a line for each look."""
    moment = Progress("feeding", 20_110, 20_110, 20_110, 0, 2_451, 63, 101, 74)
    with _screen(plain) as screen:
        for _ in range(50):
            screen.progress(moment)

    expected = "feeding 20,110/20,110 · read 20,110, 0.0 s behind · WARN+ 2,451 · faults 63 · sent 101 · spool 74"
    assert [expected] == plain.getvalue().splitlines()
    assert len(expected) <= 100
    assert "\x1b" not in plain.getvalue()
