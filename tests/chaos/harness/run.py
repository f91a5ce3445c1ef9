"""One run: start, break, mend, wait, account."""

import contextlib
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from dataflows.demo.slack_stand_in import SlackStandIn
from dataflows.steps.clock_watch import SET_BACK_S, SET_BACK_STATUS
from harness.accounts import Evidence, Reader, problems
from harness.clock import PageClock
from harness.feeder import Feeder
from harness.page import Page, PageError
from harness.proxy import Fault, Proxy
from harness.scenario import Dependency, Event, Layout, Scenario
from harness.servers import Names, Servers
from harness.shards import Shards

PATIENCE_S = 90.0
"""How long everything may take to arrive once nothing is broken any more."""
_READS_S = 30.0
_SETTLES_S = 10.0
_LOOK_S = 1.0


@dataclass
class Result:
    """What one run found."""

    seed: int
    plan: str = ""
    """Digest of the plan: a seed whose plan has changed since is to be run again."""
    seconds: float = 0.0
    records: int = 0
    alarming: int = 0
    rejected: int = 0
    messages: int = 0
    caught_up_s: float = 0.0
    """From the last mend to the balance of the books."""
    skipped: list[str] = field(default_factory=list)
    """What the plan has and this machine cannot, with the reason."""
    problems: list[str] = field(default_factory=list)
    happened: list[str] = field(default_factory=list)
    """What was done, with its time since the start."""


class Running:
    """A run under way: page, proxies, Slack stand-in, feeder. The stack ends them."""

    def __init__(
        self, plan: Scenario, names: Names, servers: Servers, folder: Path, stack: contextlib.ExitStack
    ) -> None:
        self.plan = plan
        self.result = Result(plan.seed, plan.digest)
        self.slack = stack.enter_context(SlackStandIn())
        slow = Fault("latency", plan.s3_latency_s) if plan.s3_latency_s else None
        upstreams: dict[Dependency, int] = {
            "kinesis": servers.kinesis_port(reshards=plan.reshards),
            "s3": servers.aws_port,
            "search": servers.search_port,
            "slack": int(self.slack.url.rpartition(":")[2]),
        }
        self.proxies = {
            name: stack.enter_context(Proxy(port, slow if name == "s3" else None)) for name, port in upstreams.items()
        }
        self.feeder = Feeder(names.kinesis, names.name, plan)
        stack.callback(self.feeder.stop)
        jumps = any(event.kind == "clock" for event in plan.events)
        self.clock = PageClock(folder) if jumps else None
        self.shards = Shards(names) if servers.reshard_port else None
        clock = self.clock.environment if self.clock is not None else {}
        self.page = Page(folder, plan.epoch_s, {**self._settings(names, folder), **clock})
        stack.callback(self.page.end)
        self.reader = Reader(names, servers.search, self.slack)
        self._begun = time.monotonic()
        self._passed = 0

    def _settings(self, names: Names, folder: Path) -> dict[str, str]:
        """Short time-outs, no knowledge base: neither weights nor Milvus are loaded, cards say what is missing."""
        proxies = self.proxies
        to = (
            {"CALI_SLACK__BOT_TOKEN": "xox" + "b-" + "1" * 12, "CALI_SLACK__API_URL": f"{proxies['slack'].url}/api/"}
            if self.plan.bot
            else {
                "CALI_SLACK__WEBHOOK_URL": self.slack.webhook_url.replace(self.slack.url, proxies["slack"].url),
            }
        )
        return {
            **to,
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "CALI_KINESIS__STREAM": names.name,
            "CALI_KINESIS__ENDPOINT_URL": proxies["kinesis"].url,
            "CALI_KINESIS__IDLE_GAP_S": "0.3" if self.plan.shards < 10 else "1",
            "CALI_KINESIS__REFRESH_S": "1",
            "CALI_KINESIS__PARENT_WAIT_S": "1.5",
            "CALI_KINESIS__TIMEOUT_S": "2",
            "CALI_S3__BUCKET": names.name,
            "CALI_S3__ENDPOINT_URL": proxies["s3"].url,
            "CALI_S3__TIMEOUT_S": "2",
            "CALI_S3__CLOSE_TIMEOUT_S": "2",
            "CALI_OPENSEARCH__URL": proxies["search"].url,
            "CALI_OPENSEARCH__INDEX_PREFIX": names.name,
            "CALI_OPENSEARCH__LINGER_S": "0.2",
            "CALI_OPENSEARCH__TIMEOUT_S": "2",
            "CALI_OPENSEARCH__CLOSE_TIMEOUT_S": "2",
            "CALI_SLACK__TIMEOUT_S": "2",
            "CALI_SLACK__MIN_INTERVAL_S": "0.02",
            "CALI_SLACK__BURST": "20",
            "CALI_SLACK__MAX_PER_MINUTE": str(self.plan.per_minute),
            "CALI_SLACK__DIGEST_S": "1",
            "CALI_SLACK__BACKOFF_S": "0.1",
            "CALI_SLACK__MAX_BACKOFF_S": "1",
            "CALI_SLACK__WAIT_FOR_ANALYSIS_S": "0.3",
            "CALI_WINDOW__LENGTH_S": str(self.plan.window_s),
            "CALI_WINDOW__GRACE_S": "0.5",
            "CALI_FINGERPRINT__NEW_PER_MINUTE": "100000",
            "CALI_RAG__MILVUS_URI": str(folder / "no-knowledge.db"),
            "CALI_RAG__EMBEDDING_MODEL": str(folder / "no-model"),
        }

    def go(self) -> None:
        """All of it, up to the orderly end. Raises PageError."""
        self.start(self.plan.layout)
        self.feeder.start()
        for event in self.plan.events:
            self._perform(event)
        self.feeder.join()
        if self.feeder.error:
            raise PageError(self.feeder.error)
        for proxy in self.proxies.values():
            proxy.mend()
        self._note("everything mended")
        self.finish()

    def start(self, layout: Layout) -> None:
        """Start the page; returns at once."""
        self._passed = self.proxies["kinesis"].passed
        self.page.start(layout)

    def finish(self) -> None:
        """Wait until the books balance or the patience ends, then end the page. Raises PageError."""
        mended = time.monotonic()
        self._wait(lambda: not problems(self.feeder.put, self.reader.read(), bot=self.plan.bot), PATIENCE_S, _LOOK_S)
        self.result.caught_up_s = time.monotonic() - mended
        self._until_it_reads()
        self.page.stop()
        self._note("SIGTERM, exit 0")

    def account(self) -> None:
        """Compare, and note what is wrong."""
        found: Evidence = self.reader.read()
        self.result.problems += problems(self.feeder.put, found, bot=self.plan.bot)
        self.result.messages = found.messages
        put = self.feeder.put
        self.result.records = len(put)
        self.result.alarming = sum(len(one.made.alarming) for one in put)
        self.result.rejected = sum(len(one.made.rejected) for one in put)

    def _perform(self, event: Event) -> None:
        if event.kind == "outage":
            self._pause(event.gap_s)
            assert event.dependency is not None
            assert event.fault is not None
            self.proxies[event.dependency].order(event.fault, event.lasts_s)
            self._note(f"{event.dependency} {event.fault.kind} {event.fault.value:g} for {event.lasts_s:g} s")
            return
        if event.kind == "reshard":
            self._pause(event.gap_s)
            self._reshard(event)
            return
        if event.gap_s >= 0:
            self._until_it_reads()
        self._pause(abs(event.gap_s))
        if event.kind == "clock":
            if not self._set_clock(event.jump_s):
                return
        elif event.kind == "kill":
            self.page.kill(together=event.gap_s < 0)
        elif event.kind == "term":
            self.page.stop()
        elif not self.page.fill_disk(event.file_bytes, event.lasts_s):
            self._note(f"disk full at {event.file_bytes} bytes for {event.lasts_s:g} s: survived")
            return
        self._note(f"{event.kind}; started again as {event.layout}")
        assert event.layout is not None
        self.start(event.layout)

    def _reshard(self, event: Event) -> None:
        if self.shards is None:
            self.result.skipped.append("reshard: kinesis-local is not installed (npm ci)")
            return
        done = self.shards.merge() if event.reshard == "merge" else self.shards.split()
        self._wait(self.shards.settled, _SETTLES_S, 0.1)
        self._note(done)

    def _set_clock(self, jump_s: float) -> bool:
        """Whether the page ended of it, as it must where it was set back by much: its timers would hang."""
        assert self.clock is not None
        if self.clock.absent:
            self.result.skipped.append(f"jump of the clock: {self.clock.absent}")
            return False
        self.clock.move(jump_s)
        self._note(f"the page's clock jumped by {jump_s:g} s")
        if jump_s > -SET_BACK_S:
            return False
        statuses = self.page.wait()
        if SET_BACK_STATUS not in statuses:
            msg = f"set back, the page ended with {statuses} and not with {SET_BACK_STATUS}:\n{self.page.tail()}"
            raise PageError(msg)
        return True

    def _until_it_reads(self) -> None:
        """From then on SIGTERM is heeded; an outage of Kinesis may be under way, then it takes longer."""
        self._wait(lambda: self.proxies["kinesis"].passed > self._passed, _READS_S, 0.02)

    def _pause(self, seconds: float) -> None:
        self._wait(lambda: False, seconds, 0.05)

    def _wait(self, true: Callable[[], bool], seconds: float, every_s: float) -> None:
        """Until it is true or the time is over; the page must live."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not true():
            self.page.check()
            time.sleep(min(every_s, max(0.0, deadline - time.monotonic())))

    def _note(self, what: str) -> None:
        self.result.happened.append(f"{time.monotonic() - self._begun:5.1f} s  {what}")


def run(plan: Scenario, servers: Servers, folder: Path) -> Result:
    """Run one scenario in `folder`, which must not exist: it stays if something is wrong, and has what happened."""
    folder.mkdir(parents=True)
    begun = time.monotonic()
    with contextlib.ExitStack() as stack:
        names = stack.enter_context(servers.names(plan.shards, reshards=plan.reshards))
        running = Running(plan, names, servers, folder, stack)
        try:
            running.go()
        except PageError as err:
            running.result.problems.append(str(err))
        running.account()
        result = running.result
    result.seconds = time.monotonic() - begun
    if result.problems:
        (folder / "failure.txt").write_text(failure(plan, result), encoding="utf-8")
    else:
        shutil.rmtree(folder)
    return result


def failure(plan: Scenario, result: Result) -> str:
    """What a person needs to look into it."""
    return "\n".join([f"seed {plan.seed}", plan.shown(), "", *result.happened, "", *result.problems, ""])
