"""SIGKILL at random times: no fault is lost, and what Slack holds is told once.

`slack_flow.py` runs the real page against the stand-in. Afterwards the books are made from what the stand-in holds.
A bot's messages carry the ids of their alerts. A webhook's do not: there the ledger says which alerts a message told
(their entries are made between this message and the next, since one of a channel flies at a time), and a message
without entries is one whose acceptance the ledger never heard of.
"""

import json
import os
import random
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from bytewax.recovery import init_db_dir

from dataflows.demo.slack_api import Received
from dataflows.demo.slack_stand_in import SlackStandIn
from dataflows.steps.posting import mark

FLOW = Path(__file__).parent / "slack_flow.py"
TOKEN = "xox" + "b-" + "1" * 12 + "-sample"
TIMES_S = (0.0, 0.4, 1.5, 3.0, 5.0, 7.0)
"""When a fault happens, after it first did."""
BACK_S = 17.0
"""When every sixth happens once more: resolved by then, and so regressed, unless the schedule is too short for it."""
FIRST = (
    "amber brittle crooked dusty empty frozen gloomy hollow icy jagged keen loose misty narrow oaken pale quaint rusty "
    "silent tidy urgent vivid woolly young zesty blunt chalky"
)
SECOND = (
    "anchor bridge candle drawer ferry garden harbour island jetty kettle ladder mirror needle orchard pillar quarry"
)
MOST_REST_S = 90.0
"""How long the last process has to tell the rest: a storm is told at the end of its minute."""
MOST_AIM_S = 1.0
"""How long an aimed kill waits for a message."""
_NAME = re.compile(r"[A-Z][a-z]+[A-Z][a-z]+(?=Exception)")
_LINE = re.compile(r" · [0-9a-f]{8}\Z")


class Plan(NamedTuple):
    """How much happens, and how often it is killed."""

    faults: int
    kills: int
    lives_s: tuple[float, float]
    """How long a process lives after it was ready, at least and at most."""
    per_minute: int
    window_s: int
    resolve_s: int


FEW = Plan(faults=20, kills=3, lives_s=(0.3, 1.2), per_minute=60, window_s=1, resolve_s=2)
MANY = Plan(faults=400, kills=50, lives_s=(0.3, 4.0), per_minute=30, window_s=2, resolve_s=4)


def names(count: int) -> list[str]:
    """Names of faults: made of two words, so no name is in another."""
    every = [a.title() + b.title() for a in FIRST.split() for b in SECOND.split()]
    assert count <= len(every)
    return every[:count]


def schedule(plan: Plan, rng: random.Random) -> list[tuple[float, float, str]]:
    """Gap, time and text of each record, 20 to 50 ms apart; every fifth shares a trace with the one before it."""
    apart_s = 0.035 * (len(TIMES_S) + 1 / 6)
    due = [(k * apart_s + s, name) for k, name in enumerate(names(plan.faults)) for s in TIMES_S]
    due += [(k * apart_s + BACK_S, name) for k, name in enumerate(names(plan.faults)) if k % 6 == 0]
    now, made = time.time(), []
    for number, (_, name) in enumerate(sorted(due)):
        gap_s = rng.uniform(0.02, 0.05)
        now += gap_s
        text = f"order failed\n{name}Exception: it gave way\n\tat com.example.shop.{name}.run({name}.java:7)"
        fields = {"level": "ERROR", "service": f"service-{len(name) % 7}", "log_content": text, "timestamp": now}
        trace_id = f"{number - (number % 5 == 0):032x}"
        made.append((gap_s, now, json.dumps({**fields, "trace_id": trace_id}) + "\n"))
    return made


@dataclass
class Deployment:
    """The page in a process of its own, and when each process began and was gone."""

    place: Path
    env: dict[str, str]
    began: list[float] = field(default_factory=list)
    killed: list[float] = field(default_factory=list)
    process: "subprocess.Popen[bytes] | None" = None

    def start(self) -> None:
        """Start; returns when the source is built."""
        for name in ("ready", "ended"):
            (self.place / name).unlink(missing_ok=True)
        self.began.append(time.time())
        with (self.place / "log.txt").open("ab") as log:
            command = [sys.executable, "-m", "bytewax.run", str(FLOW), "-r", str(self.place / "recovery")]
            self.process = subprocess.Popen(
                [*command, "-s", "1", "-b", "0"], env=self.env, cwd=self.place, stdout=log, stderr=log
            )
        self.wait_until((self.place / "ready").exists, 30)

    def stop(self, number: signal.Signals) -> int:
        """Send a signal; the exit status."""
        assert self.process is not None
        self.process.send_signal(number)
        status = self.process.wait(30)
        if number is signal.SIGKILL:
            self.killed.append(time.time())
        return status

    def wait_until(self, true: Callable[[], Any], seconds: float, every_s: float = 0.05) -> None:
        """Ask until the answer is true; the process must live until then."""
        deadline = time.monotonic() + seconds
        while not true():
            assert self.process is not None
            assert self.process.poll() is None, (self.place / "log.txt").read_text()[-3000:]
            assert time.monotonic() < deadline, f"not within {seconds} s"
            time.sleep(every_s)

    def history(self) -> dict[str, dict[str, Any]]:
        """What became of each alert that is committed, or of the present process, by its id."""
        committed: list[dict[str, Any]] = []
        since: list[Any] = []
        for line in (self.place / "history.jsonl").read_text().splitlines():
            entry = json.loads(line)
            if isinstance(entry, list) and entry[0] == "resumed":
                kept = since[: since.index(["snapshot", entry[1]])] if ["snapshot", entry[1]] in since else []
                committed += [row for row in kept if isinstance(row, dict)]
                since = []
            else:
                since.append(entry)
        return {row["id"]: row for row in [*committed, *(row for row in since if isinstance(row, dict))]}

    def is_done(self) -> bool:
        """All records are emitted, every episode is over, and nothing waits."""
        if not (self.place / "ended").exists():
            return False
        rows = self.history().values()
        over = {row["opening"] for row in rows if row["reason"] == "resolved"}
        opened = {row["opening"] for row in rows if row["reason"] in {"first", "regressed"}}
        return opened <= over and all(row["status"] != "waiting" for row in rows)

    def ledger(self) -> list[tuple[float, str]]:
        """When Slack accepted it, and the alert's id, by time."""
        with closing(sqlite3.connect(self.place / "state" / "ledger.sqlite3")) as found:
            return [*found.execute("SELECT sent_ts, key FROM sent ORDER BY sent_ts")]


@dataclass
class Books:
    """What the stand-in holds, accounted for."""

    told: Counter[str] = field(default_factory=Counter)
    """How often each alert id was told, by itself or as the line of a digest. Of a webhook without `unknown`."""
    new: Counter[str] = field(default_factory=Counter)
    """How often each fault was announced as new; likewise."""
    unknown: list[Received] = field(default_factory=list)
    """Messages of a webhook that the ledger does not know."""


def texts(block: Any) -> Iterator[str]:
    """Every text of a message."""
    if isinstance(block, dict):
        yield from [block["text"]] if isinstance(block.get("text"), str) else ()
        block = list(block.values())
    if isinstance(block, list):
        for part in block:
            yield from texts(part)


def announced(message: Received) -> list[str]:
    """Faults that a message names as new: its own if it is a card, or those of its lines."""
    said = list(texts(message.payload["blocks"]))
    lines = [text for text in said if _LINE.search(text)]
    if lines:
        return [found[0] for text in lines if "· new," in text and (found := _NAME.search(text))]
    return [_NAME.findall(said[0])[0]] if "New fault" in said and not message.thread_ts else []


def books(slack: SlackStandIn, ledger: list[tuple[float, str]], ids_of: dict[str, str], *, bot: bool) -> Books:
    """Account for every message; `ids_of` are the alerts by their marks, by which a digest names them."""
    made, messages = Books(), slack.messages
    ends = [*(message.received_ts for message in messages[1:]), float("inf")]
    for message, end in zip(messages, ends, strict=True):
        if bot:
            payload: Any = message.payload["metadata"]
            marks = payload["event_payload"].get("lines", "").split()
            ids = [payload["event_payload"]["key"], *(ids_of.get(mark, mark) for mark in marks)]
        else:
            ids = [key for sent_ts, key in ledger if message.received_ts <= sent_ts < end]
            lines = sum(_LINE.search(text) is not None for text in texts(message.payload["blocks"]))
            assert len(ids) in {0, 1 + lines}, "the ledger knows a message in part"
        if not ids:
            made.unknown.append(message)
            continue
        made.told.update(ids)
        made.new.update(announced(message))
    return made


@pytest.mark.slow
@pytest.mark.parametrize("bot", [True, False], ids=["bot", "webhook"])
@pytest.mark.parametrize(
    "plan",
    [
        pytest.param(FEW, id="3-kills"),
        pytest.param(MANY, id="50-kills", marks=[pytest.mark.evals, pytest.mark.timeout(900)]),
    ],
)
def test_kills_lose_no_fault_and_repeat_no_message(plan: Plan, tmp_path: Path, *, bot: bool) -> None:
    """Each fault is new once and each alert told once; a webhook repeats only what it took as the process died."""
    rng = random.Random(7)  # noqa: S311 - times, not secrets
    (tmp_path / "schedule.json").write_text(json.dumps(schedule(plan, rng)))
    (tmp_path / "recovery").mkdir()
    init_db_dir(tmp_path / "recovery", 1)  # type: ignore[no-untyped-call] # untyped in Bytewax
    with SlackStandIn() as slack:
        to = {"BOT_TOKEN": TOKEN, "API_URL": slack.api_url} if bot else {"WEBHOOK_URL": slack.webhook_url}
        pace = {"MAX_PER_MINUTE": plan.per_minute, "MIN_INTERVAL_S": 0.02, "BURST": 20, "DIGEST_S": 1}
        windows = {"LENGTH_S": plan.window_s, "RESOLVE_S": plan.resolve_s, "GRACE_S": 0.2}
        env = {f"CALI_SLACK__{name}": str(value) for name, value in {**to, **pace}.items()}
        env |= {f"CALI_WINDOW__{name}": str(value) for name, value in windows.items()}
        env |= {"CALI_FINGERPRINT__NEW_PER_MINUTE": "100000", "CALI_STATE__DIR": "state", "PLACE": str(tmp_path)}
        page = Deployment(tmp_path, {**os.environ, **env})
        try:
            for number in range(plan.kills):
                page.start()
                time.sleep(rng.uniform(*plan.lives_s))  # the random time itself
                if number % 2:  # aim: Slack has just taken a message, its answer or the ledger is under way
                    held = len(slack.messages)
                    patience = time.monotonic() + MOST_AIM_S
                    page.wait_until(lambda: len(slack.messages) > held or time.monotonic() > patience, 30, 0.001)  # noqa: B023 - called here
                page.stop(signal.SIGKILL)
            page.start()
            patience = time.monotonic() + MOST_REST_S  # what is lost would be waited for in vain: the books tell it
            page.wait_until(lambda: page.is_done() or time.monotonic() > patience, 2 * MOST_REST_S, 0.2)
            status = page.stop(signal.SIGTERM)
        finally:
            if page.process is not None:
                page.process.kill()
                page.process.wait()
        history, ledger = page.history(), page.ledger()
        found = books(slack, ledger, {mark(key): key for key in history}, bot=bot)
        lives = zip(page.began, [*page.began[1:], float("inf")], strict=True)
        last = [[m for m in slack.messages if start <= m.received_ts < end][-1:] for start, end in lives]
        dying = [m for messages in last[:-1] for m in messages]

    stamps = {float(message.ts) for message in slack.messages}
    kinds = Counter(row["reason"] if not row["held"] else row["held"] for row in history.values())
    gap_ms = max((page.killed[last.index([m])] - m.received_ts for m in found.unknown), default=0.0) * 1000
    sys.stdout.write(
        f"{len(slack.messages)} messages, {sum(m.edited for m in slack.messages)} updates, {len(history)} alerts "
        f"({', '.join(f'{n} {kind}' for kind, n in kinds.most_common())}), {plan.kills} kills\n"
        f"{len(found.unknown)} messages the ledger never heard of, the last received {gap_ms:.1f} ms before the death\n"
        f"{len(stamps & {sent_ts for sent_ts, _ in ledger})} found in the channel instead\n"
        f"{len(set(found.told) - set(history))} alerts told that a kill then undid\n"
    )
    untold = [
        key
        for key, row in history.items()
        if key not in found.told and row["held"] != "held_quiet" and row["reason"] != "digest"
    ]
    assert 0 == status
    assert [] == slack.rejected
    assert "dead" not in {row["status"] for row in history.values()}
    assert dict.fromkeys(names(plan.faults), 1) == found.new
    assert {} == {key: count for key, count in found.told.items() if count > 1}
    assert [] == untold
    assert [] == [message for message in found.unknown if bot or message not in dying]
