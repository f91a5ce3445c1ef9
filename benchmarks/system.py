"""The whole system on loopback: how many records a second it takes, and how soon people hear of a new fault.

    python benchmarks/system.py [--quick] [--out FOLDER] [--highest RATE]

The page as it is run in production (with recovery, runbooks, a bot token and default settings, one process) between
stand-ins of Kinesis, S3, OpenSearch and Slack (`system_servers.py`, `dataflows.demo.slack_stand_in`), all on this
machine. Latency is from the moment before the PutRecords call with a fault's first record to the moment Slack's
stand-in has taken its message. Exit status 1 if a fault was not told. Linux.
"""

import argparse
import json
import math
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from measuring import RESULTS, Table, report
from system_feed import SERVICES, Fed, Feed, Storm
from system_servers import SHARDS
from system_stage import Stage

FIRST_RATE, GROWTH, STEPS = 13_500, 1.5, 6
"""Rates of the ramp: records a second, by what factor they grow, and how often at most."""
HALF_STEP_S = 2.5
MOST_LAG_S = 1.5
"""A step that ends with more unread than comes in this time is too fast: at rest a shard is read each second or so."""
QUICK_RATE, QUICK_S = 1_000, 10.0
PHASE_S, FAULTS_PER_S = 12.0, 2.0
STORM = 40
STORM_S, STORM_FACTOR, ALARMING_SHARE = 8.0, 20, 1 / 33
SLOW_SEARCH_S, SLOW_S3_S = 2.0, 0.5
CALM_P95_S, STORM_P95_S, S3_MORE_S = 3.0, 5.0, 0.2
"""What must hold: seconds from put to Slack, at half load and in a storm, and what a slow S3 may add."""
LAST_ALERT_S = 20.0
"""An alert that has not come so long after the last record is missing."""
DRAIN_S = 90.0


class Moment(NamedTuple):
    """Counts and CPU seconds so far."""

    at: float
    put: int
    through: int
    """Pieces that the page has triaged."""
    page: float
    servers: float
    feed: float


class Step(NamedTuple):
    """One rate of the ramp."""

    rate: float
    fed: Fed
    first: Moment
    last: Moment
    lag_s: float

    @property
    def through_per_s(self) -> float:
        """What the page took."""
        return (self.last.through - self.first.through) / (self.last.at - self.first.at)

    def row(self) -> list[str]:
        """As a line of the table."""
        first, last = self.first, self.last
        span = last.at - first.at
        cores = [(b - a) / span for a, b in zip(first[3:], last[3:], strict=True)]
        return [
            f"{self.rate:,.0f}",
            f"{self.fed.records / self.fed.seconds:,.0f}",
            f"{self.through_per_s:,.0f}",
            f"{self.lag_s:.2f}",
            *(f"{one:.2f}" for one in cores),
        ]


class Phase(NamedTuple):
    """How soon the new faults of a stretch were told."""

    name: str
    rate: float
    seconds: Sequence[float]
    """Of each fault with a card of its own, from put to Slack."""
    missing: Sequence[str]
    digests: int
    """Faults that only a digest names."""
    goal: str = ""

    def p(self, share: float) -> float:
        """The nearest-rank percentile; infinite without any."""
        ordered = sorted(self.seconds)
        return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else math.inf

    def row(self) -> list[str]:
        """As a line of the table."""
        figures = [f"{self.p(share):.2f}" for share in (0.5, 0.95, 0.99, 1.0)]
        counts = [len(self.seconds), self.digests, len(self.missing)]
        return [self.name, f"{self.rate:,.0f}", *figures, *map(str, counts), self.goal]


class Run:
    """The stage and the feed, and what was seen."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._feed = Feed(stage.port)
        self.steps: list[Step] = []
        self.phases: list[Phase] = []

    def _moment(self) -> Moment:
        put = int(self._stage.report()["put"])
        through = self._stage.numbers().total("cali_pieces_total")
        page, servers = self._stage.cpu_s("page"), self._stage.cpu_s("servers")
        return Moment(time.monotonic(), put, through, page, servers, time.process_time())

    def drain(self) -> None:
        """Until the page has seen all that was put."""

        def through() -> bool:
            now = self._moment()
            return now.through >= now.put

        self._stage.until("all that was put is through", through, DRAIN_S, 0.3)

    def climb(self) -> float:
        """Raise the rate until lag grows, then try once between; returns the highest rate without."""
        highest, rate = 0.0, float(FIRST_RATE)
        for _ in range(STEPS):
            step = self._step(rate)
            self.drain()
            if step.lag_s > MOST_LAG_S:
                between = math.sqrt(max(highest, rate / GROWTH) * rate)
                again = self._step(between)
                self.drain()
                return between if again.lag_s <= MOST_LAG_S else highest
            highest, rate = rate, rate * GROWTH
        return highest

    def _step(self, rate: float) -> Step:
        self._feed.run(rate, HALF_STEP_S)  # gets under way
        first = self._moment()
        fed = self._feed.run(rate, HALF_STEP_S)
        last = self._moment()
        step = Step(rate, fed, first, last, (last.put - last.through) / rate)
        self.steps.append(step)
        print(" | ".join(step.row()), file=sys.stderr, flush=True)
        return step

    def phase(
        self, name: str, rate: float, seconds: float, *, goal_s: float = 0.0, storm: Storm | None = None
    ) -> Phase:
        """Feed for a while, and see how soon each new fault was told."""
        fed = self._feed.run(rate, seconds, faults_per_s=0.0 if storm else FAULTS_PER_S, storm=storm)
        end = time.monotonic() + LAST_ALERT_S
        while (found := self._told(fed)) and len(found[0]) + len(found[1]) < len(fed.faults) and time.monotonic() < end:
            time.sleep(0.3)
        cards, digests = found
        missing = [fault for fault in fed.faults if fault not in cards and fault not in digests]
        took = [cards[fault] - fed.faults[fault] for fault in cards]
        phase = Phase(name, fed.records / fed.seconds, took, missing, len(digests))
        if goal_s:
            kept = "kept" if phase.p(0.95) <= goal_s else "**BROKEN**"
            phase = phase._replace(goal=f"p95 <= {goal_s:g} s: {kept}")
        self.phases.append(phase)
        print(" | ".join(phase.row()), file=sys.stderr, flush=True)
        self.drain()
        return phase

    def _told(self, fed: Fed) -> tuple[dict[str, float], set[str]]:
        """Faults with a card and when Slack took it, and others that a digest names."""
        cards: dict[str, float] = {}
        digests: set[str] = set()
        for message in self._stage.messages():
            text = json.dumps(message["payload"])
            named = [fault for fault in fed.faults if fault in text]
            if message["key"].startswith("digest:"):
                digests.update(named)
            else:
                cards.update({fault: message["received_ts"] for fault in named if fault not in cards})
        return cards, digests - set(cards)


def measured(run: Run, stage: Stage, given_highest: float | None) -> float:
    """All phases; returns the highest rate without lag."""
    highest = given_highest or run.climb()
    run.phase("10 % of it", 0.1 * highest, PHASE_S)
    half = run.phase("50 % of it", 0.5 * highest, PHASE_S, goal_s=CALM_P95_S)
    run.phase("90 % of it", 0.9 * highest, PHASE_S)
    stage.slow(s3=SLOW_S3_S)
    late = run.phase(f"50 %, S3 answers after {SLOW_S3_S:g} s", 0.5 * highest, PHASE_S)
    more = late.p(0.95) - half.p(0.95)
    kept = "kept" if more < S3_MORE_S else "**BROKEN**"
    run.phases[-1] = late._replace(goal=f"p95 grows by < {S3_MORE_S:g} s: {more:+.2f} s, {kept}")
    stage.slow(opensearch=SLOW_SEARCH_S)
    run.phase(f"50 %, OpenSearch answers after {SLOW_SEARCH_S:g} s", 0.5 * highest, PHASE_S)
    stage.slow()
    errors = 0.5 * highest * ALARMING_SHARE * STORM_FACTOR
    run.phase(
        f"50 %, and {STORM} faults at once", 0.5 * highest, STORM_S, goal_s=STORM_P95_S, storm=Storm(STORM, errors)
    )
    return highest


def tables(run: Run, highest: float, seconds: float, *, rag: bool) -> list[Table]:
    """What was seen."""
    knowledge = "Runbooks are loaded" if rag else "No runbooks, no embedding model"
    latency = Table(
        "From put to Slack, seconds",
        ["load", "records/s", "p50", "p95", "p99", "longest", "cards", "in a digest only", "missing", "must hold"],
        [phase.row() for phase in run.phases],
        f"{FAULTS_PER_S:g} new faults a second among ordinary noise (3 % from WARN up); percentages are of "
        f"{highest:,.0f} records/s. In the storm {STORM} faults begin in one moment, and for {STORM_S:g} s they write "
        f"{STORM_FACTOR} times the usual rate of errors on top of the noise. New faults belong to {len(SERVICES)} "
        "services, each routed to a channel of its own, so that Slack's pace (one message a second and channel) and "
        "the storm guard (15 a minute and channel) are not in the figures. A bot token: the card goes out before its "
        f"analysis, and is shown anew with it. {knowledge}; no language model is set. Percentiles are nearest "
        f"ranks of some {PHASE_S * FAULTS_PER_S:.0f} faults: p99 is the longest. The whole run took {seconds:.0f} s.",
    )
    if not run.steps:
        return [latency]
    climb = Table(
        "Highest rate before lag grows",
        [
            "asked, records/s",
            "put/s",
            "through/s",
            "lag at the end, s",
            "page, cores",
            "stand-ins, cores",
            "feed, cores",
        ],
        [step.row() for step in run.steps],
        f"Records of some 870 B on {SHARDS} shards. Each rate for {2 * HALF_STEP_S:g} s, the second half measured; "
        "lag is what is put and not triaged, in seconds of that rate; above "
        f"{MOST_LAG_S:g} s the rate is too high. **It is {highest:,.0f} records/s here.** `cores` is CPU time by wall "
        "time: the page's process, that of Kinesis, S3 and OpenSearch, and the one that puts. Where the three together "
        "come to what the machine has, it is shared out and the page alone would go further; where `put/s` stays below "
        "what was asked, the feed was the limit.",
    )
    return [climb, latency]


def main() -> None:
    """Run, print, write."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--quick", action="store_true", help=f"one rate ({QUICK_RATE:,}/s), {QUICK_S:g} s")
    options.add_argument("--out", type=Path, default=RESULTS)
    options.add_argument("--highest", type=float, help="take this as the highest rate instead of looking for it")
    given = options.parse_args()
    began = time.monotonic()
    with (
        tempfile.TemporaryDirectory(prefix="cali-system-") as folder,
        Stage(Path(folder), rag=not given.quick) as stage,
    ):
        log = stage.start_page()
        warm = ("rag.knowledge_base.loaded", "rag.dependency.unavailable")
        stage.until("the page is warm", lambda: any(event in log.read_text("utf-8") for event in warm))
        run = Run(stage)
        stage.until("the page reads", lambda: bool(stage.numbers().total("cali_kinesis_reads_total")))
        if given.quick:
            highest = float(QUICK_RATE)
            run.phase("the only one", highest, QUICK_S, goal_s=CALM_P95_S)
        else:
            highest = measured(run, stage, given.highest)
        status = stage.stop_page()
    report("system", "The whole system", tables(run, highest, time.monotonic() - began, rag=not given.quick), given.out)
    missing = [fault for phase in run.phases for fault in phase.missing]
    if missing or status:
        sys.exit(f"the page ended with status {status}; faults that were not told: {', '.join(missing) or 'none'}")


if __name__ == "__main__":
    main()
