"""Draws the pictures of cards in the documents: made by the code that makes real ones, shown by the Slack stand-in.

Writes docs/pictures/*.png, English and Korean: a new fault with its analysis, the thread of an episode, a digest.
Needs a Chromium on the PATH; uses no network.
"""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pydantic import SecretStr

from connectors.slack import Outcome, SlackBot, SlackConfig
from dataflows.demo.slack_stand_in import SlackStandIn
from dataflows.domain.alerts import Alert, DigestLine, ExplanationView
from dataflows.render.links import Links
from dataflows.render.slack import card, card_now, reply

ROOT = Path(__file__).resolve().parents[1]
TARGET = ROOT / "docs/pictures"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
WIDTH = 780
SCALES = (1.5, 1.25, 1.0)
"""The first at which a picture keeps within `MAX_BYTES`: sharp on a good screen where that is possible."""
MAX_BYTES = 200_000
"""What a picture may add to the repository."""
TIMEOUT_S = 60
LANGUAGES = ("en", "ko")

T0 = 1_763_764_859.0  # 2025-11-21 22:40:59 UTC
OPENING = "9f2c4e81b07d35aa:order-api:1763764859+300:first"
LINKS = Links("https://search.example.com/?q={fingerprint}&from={from}&to={to}")
TRACE = """HikariPool-1 - Connection is not available, request timed out after 30000ms.
java.sql.SQLTransientConnectionException: HikariPool-1 - Connection is not available, request timed out after 30000ms.
\tat com.zaxxer.hikari.pool.HikariPool.createTimeoutException(HikariPool.java:686)
\tat com.zaxxer.hikari.pool.HikariPool.getConnection(HikariPool.java:179)
\tat com.acme.order.OrderRepository.findByUser(OrderRepository.java:58)
\tat com.acme.order.OrderService.list(OrderService.java:41)"""


def alert(**changes: Any) -> Alert:  # noqa: ANN401 - the fields of Alert
    """A new fault, with changes."""
    first: dict[str, Any] = {
        "id": OPENING,
        "opening": OPENING,
        "reason": "first",
        "held": "",
        "fingerprint": "9f2c4e81b07d35aa",
        "coarse": "0b1d",
        "fp_version": 1,
        "service": "order-api",
        "namespace": "shop",
        "team": "checkout",
        "level": "ERROR",
        "severity": "error",
        "kind": "trace",
        "types": ["java.sql.SQLTransientConnectionException"],
        "template": "HikariPool-<*> - Connection is not available, request timed out after <*>ms.",
        "text": TRACE,
        "record_id": "shardId-000000000000-49590-0",
        "trace_id": "",
        "request_id": "",
        "count": 1,
        "total": 1,
        "told": 0,
        "window_start": T0,
        "window_end": T0 + 300,
        "first_seen": T0,
        "last_seen": T0,
        "arrival_ts": T0 + 1,
        "absent_s": 0.0,
        "usual": 0.0,
        "place": {"pods": ["order-api-6d9f7c5b8-x2x9p"], "versions": ["1.42.0"], "nodes": ["ip-10-0-3-17"]},
        "started_with": "1.42.0",
        "channel": "",
        "mention": "here",
        "parent": "",
        "follows": "",
        "lines": [],
        "explained": False,
    }
    return Alert(**{**first, **changes})  # type: ignore[typeddict-item] # as above


def later(reason: str, count: int, total: int, told: int, **changes: Any) -> Alert:  # noqa: ANN401 - as above
    """A later alert of the same episode."""
    pods = [f"order-api-6d9f7c5b8-{name}" for name in ("x2x9p", "7kqvm")]
    place = {"pods": pods, "versions": [], "nodes": []}
    own = {
        "id": f"{OPENING}:{reason}",
        "reason": reason,
        "count": count,
        "total": total,
        "told": told,
        "text": "",
        "started_with": "",
    }
    return alert(**{**own, "place": place, **changes})


ANSWERS = {
    "en": (
        "All connections of the pool are in use; requests wait longer than connectionTimeout for a free one.",
        ("Slow queries or transactions that stay open hold the connections.",),
        (
            "Compare hikaricp_connections_active with the pool maximum.",
            "Kill the blocking query or restart the leaking pod.",
            "Raise maximumPoolSize only if the database has spare connections; shorten transactions first.",
        ),
        ("Database connection pool exhausted (HikariCP)", "Mitigation"),
    ),
    "ko": (
        "풀에 있는 모든 연결이 사용 중이고, 요청이 connectionTimeout 동안 빈 연결을 얻지 못했습니다.",
        ("느린 쿼리나 오래 열린 트랜잭션이 연결을 잡고 있습니다.",),
        (
            "hikaricp_connections_active 가 최댓값과 같고 pending 이 늘어나는지 확인한다.",
            "막고 있는 쿼리를 종료하거나 연결이 새는 파드를 재시작한다.",
            "직전 배포 이후에 시작되었다면 롤백한다.",
        ),
        ("데이터베이스 커넥션 풀 고갈 (HikariCP)", "조치"),
    ),
}
"""What a model says to the sample fault with runbooks/*/hikari-pool.md: summary, causes, actions, runbook."""


RISKS = ("read_only", "dangerous", "reversible")
"""Of the actions."""
RESOLUTIONS = {
    "en": "1.39 leaked a connection for each retry; rolled back",
    "ko": "1.39 버전이 재시도마다 연결을 흘려 롤백함",
}
"""What people said of the end of a similar incident."""


def explained(language: str) -> Alert:
    """The new fault with its analysis."""
    summary, causes, actions, (title, section) = ANSWERS[language]
    doc_id = f"{language}/hikari-pool"
    book = {"doc_id": doc_id, "title": title, "section": section, "url": f"https://wiki.example.com/{doc_id}"}
    answer: ExplanationView = {
        "verdict": "match",
        "confidence": 0.93,
        "source": "model",
        "summary": summary,
        "causes": [{"text": text, "doc_id": doc_id, "quote": text} for text in causes],
        "actions": [
            {"text": text, "doc_id": doc_id, "quote": text, "risk": risk}
            for text, risk in zip(actions, RISKS, strict=True)
        ],
        "citations": [book],
        "missing": [],
        "model": "gpt-5-mini",
        "cached": False,
        "ladder": [{"rung": "cached", "reason": "not_asked_before"}, {"rung": "model", "reason": "used"}],
        "cost": {"usd": 0.0042, "prompt_tokens": 1_700, "completion_tokens": 232},
        "similar": [
            {
                "fingerprint": "9f2c4e81b07d35aa",
                "service": "cart-api",
                "last_seen": T0 - 18 * 86_400,
                "count": 212,
                "resolution": RESOLUTIONS[language],
                "summary": summary,
                "score": 0.9,
            }
        ],
        "severity": "error",
    }
    return alert(explained=True, explanation=answer)


LINES = (
    ("inventory-api", "first", "FATAL", "OutOfMemoryError: Java heap space", 1, 1),
    ("payment-api", "first", "ERROR", "PSP answered <*> for order <*>", 1, 1),
    ("cart-api", "new_window", "ERROR", "Redis command timed out after <*>", 1, 1),
    ("order-api", "summary", "ERROR", "HikariPool-<*> - Connection is not available", 1204, 3811),
    ("shipping-api", "summary", "WARN", "Retrying request to <URL>, attempt <NUM>", 96, 340),
    ("search-api", "resolved", "ERROR", "circuit breaker 'catalog' is open", 2, 58),
)


def digest() -> Alert:
    """What a storm holds back, as one message."""
    severity = {"FATAL": "critical", "ERROR": "error", "WARN": "warning"}
    lines = [
        DigestLine(
            id=f"{service}:{reason}",
            opening=service,
            reason=reason,
            fingerprint=blake2b(template.encode(), digest_size=8).hexdigest(),
            service=service,
            level=level,
            severity=severity[level],
            template=template,
            count=count,
            total=total,
        )
        for service, reason, level, template, count, total in LINES
    ]
    name = "digest:#cali-alerts:5be0d1c49a7f2e63"
    own = {
        "id": name,
        "opening": name,
        "reason": "digest",
        "fingerprint": "",
        "service": "",
        "template": "",
        "text": "",
    }
    nowhere = {"pods": [], "versions": [], "nodes": []}
    total = sum(line["count"] for line in lines)
    return alert(
        **own, count=total, total=total, lines=lines, place=nowhere, started_with="", mention="", level="FATAL"
    )


class Story:
    """Tells alerts to a stand-in as the outbox does, at the times that the pictures show."""

    def __init__(self, language: str) -> None:
        self._language = language
        self.now = T0
        self.slack = SlackStandIn(clock=lambda: self.now)
        token = SecretStr("xoxb-" + "pictures")
        self._bot = SlackBot(SlackConfig(bot_token=token, api_url=self.slack.api_url))
        self._card = ("", "")

    def tell(self, after_s: float, payload: dict[str, object], *, broadcast: bool = False) -> None:
        """The first message, or a reply below it."""
        self.now = T0 + after_s
        thread_ts = self._card[1]
        result = self._bot.post(self.slack.channel, payload, key="k", thread_ts=thread_ts, broadcast=broadcast)
        if result.outcome is not Outcome.ACCEPTED:
            sys.exit(f"the stand-in did not take the card: {result.detail}")
        self._card = (result.channel, thread_ts or result.ts)

    def update(self, after_s: float, payload: dict[str, object]) -> None:
        """The first message anew."""
        self.now = T0 + after_s
        result = self._bot.update(*self._card, payload, key="k")
        if result.outcome is not Outcome.ACCEPTED:
            sys.exit(f"the stand-in did not take the update: {result.detail}")


def new_fault(story: Story, language: str) -> None:
    """The card at once, then with its analysis in place."""
    story.tell(2, card(alert(), language, links=LINKS))
    story.update(6, card(explained(language), language, links=LINKS))


def thread(story: Story, language: str) -> None:
    """An episode from its first record to its end: the card as it stands at last, and what was told of it meanwhile."""
    opening = explained(language)
    opening["text"] = TRACE.splitlines()[0]
    opening["explanation"]["similar"] = []
    summary = later("summary", 212, 213, 1, last_seen=T0 + 299)
    second = {"window_start": T0 + 300, "window_end": T0 + 600}
    escalated = later("escalated", 1450, 1663, 2, usual=190.0, last_seen=T0 + 380, **second)
    resolved = later("resolved", 97, 1760, 3, last_seen=T0 + 700, window_start=T0 + 600, window_end=T0 + 900)
    story.tell(2, card(opening, language, links=LINKS))
    story.tell(305, reply(summary, language))
    story.tell(382, reply(escalated, language), broadcast=True)
    story.tell(1610, reply(resolved, language))
    story.update(1611, card_now(opening, resolved, language, LINKS))


def storm(story: Story, language: str) -> None:
    """A digest."""
    story.tell(20, card(digest(), language))


PICTURES: dict[str, Callable[[Story, str], None]] = {"new-fault": new_fault, "thread": thread, "digest": storm}


def browse(browser: str, url: str, height: int, scale: float, option: str) -> str:
    """Run the browser on a page; what it printed."""
    with TemporaryDirectory() as profile:
        command = [
            *(browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"),
            *("--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"),
            *(f"--user-data-dir={profile}", f"--force-device-scale-factor={scale}"),
            *(f"--window-size={WIDTH},{height}", "--lang=en", option, f"{url}/#top"),
        ]
        done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=TIMEOUT_S)  # noqa: S603 - a browser of this machine on our own page
    return done.stdout


def draw(browser: str, name: str, language: str, target: Path) -> Path:
    """One picture, as high as its page."""
    story = Story(language)
    path = target / f"{name}-{language}.png"
    with story.slack:
        PICTURES[name](story, language)
        url = story.slack.url
        found = re.search(r'data-height="(\d+)"', browse(browser, url, 200, 1.0, "--dump-dom"))
        if found is None:
            sys.exit("the page did not say how high it is")
        for scale in SCALES:
            browse(browser, url, int(found[1]), scale, f"--screenshot={path}")
            if path.stat().st_size <= MAX_BYTES:
                return path
    sys.exit(f"{path.name} has {path.stat().st_size} bytes: shorten the story to get below {MAX_BYTES}")


def main() -> None:
    """Draw all of them."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        sys.exit(f"no browser: install Chromium ({', '.join(BROWSERS)} on the PATH)")
    os.environ["TZ"] = "UTC"  # the same pictures everywhere
    time.tzset()
    TARGET.mkdir(parents=True, exist_ok=True)
    for language in LANGUAGES:
        for name in PICTURES:
            print(draw(browser, name, language, TARGET).relative_to(ROOT))


if __name__ == "__main__":
    main()
