"""`cali demo`: the whole pipeline on this machine, with no account and no configuration."""

import math
import os
import socket
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from connectors import s3
from connectors.errors import ConnectorError
from connectors.kinesis import stream
from dataflows.demo.checks import Run, checks
from dataflows.demo.children import ChildError, Children
from dataflows.demo.feed import Feeder
from dataflows.demo.place import (
    GRACE_S,
    RESOLVE_S,
    SHARDS,
    SLACK_PACE_S,
    DemoError,
    Place,
    clean,
    require_extra,
    runbooks,
)
from dataflows.demo.readback import collect, messages
from dataflows.demo.scrape import Numbers, scrape
from dataflows.demo.screen import Progress, Screen
from dataflows.demo.signals import Signals, StoppedError
from dataflows.demo.table import closing
from dataflows.domain.alerts import OPENING

WINDOW_S = 15.0
"""Length of a throttle window here: short, so that a short run sees repeats summed up. The default is 300."""
_POLL_S = 0.1
_LOOK_S = 0.5
_START_S = 90.0
"""Starting everything takes a quarter of a minute on two cores; a slow disk may need longer."""
_DRAIN_S = 90.0
_SETTLED_S = 2.0
"""A window closes this long after its end at most: its grace, and the way through the stream."""


_WARM = ("rag.knowledge_base.loaded", "rag.dependency.unavailable")
"""Events of the pipeline's log: its explainer is ready, or will not be soon."""


def run(seconds: float, rate: float, seed: int, language: str = "en") -> int:
    """Run the demo; exit status 0, 1 if a check or a process fails, 2 if it cannot start, 128 + n for a signal."""
    signals = Signals()
    began = time.monotonic()
    try:
        _validate(seconds, rate)
        require_extra()
        # This process talks to the local servers too, and boto3 takes credentials and proxies from its environment.
        os.environ.update(environment := clean(os.environ))
        for name in set(os.environ) - set(environment):
            del os.environ[name]
        with (
            signals.caught(),
            tempfile.TemporaryDirectory(prefix="cali-demo-", ignore_cleanup_errors=True) as directory,
            Children(Path(directory), environment | {"TMPDIR": directory}) as children,
            Screen() as screen,
        ):
            demo = _Demo(Place(Path(directory), WINDOW_S, language), children, screen, signals)
            return demo.play(Feeder(demo.place.kinesis, seconds, rate, seed), began)
    except StoppedError:
        print("stopped; everything it had started has ended", file=sys.stderr)
        return 128 + signals.number
    except DemoError as err:
        print(f"cali demo: {err}", file=sys.stderr)
        return 2
    except (ChildError, ConnectorError, OSError, ValueError) as err:
        print(f"cali demo: {err}", file=sys.stderr)
        return 1


def _validate(seconds: float, rate: float) -> None:
    for name, value, most in (("seconds", seconds, 3600.0), ("rate", rate, 5_000.0)):
        if not (math.isfinite(value) and 0 < value <= most):
            msg = f"--{name} is {value!r}: give a number above 0, at most {most:g}"
            raise DemoError(msg)


class _Demo:
    """The acts of the play."""

    def __init__(self, place: Place, children: Children, screen: Screen, signals: Signals) -> None:
        self.place = place
        self._children = children
        self._screen = screen
        self._signals = signals
        self._numbers = Numbers()
        self._shown = 0

    def play(self, feeder: Feeder, began: float) -> int:
        """Everything, from the first server to the table."""
        self._serve()
        self._start_page()
        feeder.start()
        try:
            self._until("the logs are put", math.inf, lambda: self._look("feeding", feeder) and feeder.done, _LOOK_S)
        finally:
            feeder.stop()
        if feeder.error:
            raise DemoError(feeder.error)
        self._until("everything is delivered", _DRAIN_S, lambda: self._delivered(feeder), _LOOK_S)
        self._numbers = scrape(self.place.metrics) or self._numbers
        self._children.ask_to_end("pipeline")
        self._until("the pipeline ends", _DRAIN_S, lambda: self._children.status("pipeline") is not None)
        self._show_messages(at_last=True)
        log = (self.place.directory / "pipeline.log").read_text("utf-8", "replace")
        status = self._children.status("pipeline")
        done = Run(feeder.truth, collect(self.place), self._numbers, status, log)
        verdicts = checks(done)
        self._screen.still()
        self._screen.console.print(closing(done, verdicts, time.monotonic() - began))
        failed = [check for check in verdicts if not check.ok]
        for check in failed:
            print(f"cali demo: {check.what}: {check.detail}", file=sys.stderr)
        if status:
            print(f"the end of the pipeline's log:\n{self._children.tail('pipeline')}", file=sys.stderr)
        return 1 if failed else 0

    def _serve(self) -> None:
        """Start the servers, and meanwhile bring the runbooks in."""
        place, screen = self.place, self._screen
        screen.say("CALI demo: a local Kinesis, S3, OpenSearch, Milvus and Slack; nothing leaves this machine", "bold")
        screen.say(f"the Slack channel, as a page, until the demo ends: {place.slack}/", "bold")
        pace = f"a message goes out every {SLACK_PACE_S:g} s, not every second"
        quiet = f"a fault is over after {RESOLVE_S:g} s of quiet, not 15 min"
        screen.say(f"here windows are {place.window_s:g} s, not 5 min; {quiet}; {pace}")
        place.recovery.mkdir()
        for name, command in place.servers.items():
            self._children.start(name, command)
        tasks = {"recovery": [sys.executable, "-m", "bytewax.recovery", str(place.recovery), "1"]}
        books = runbooks(self.place.language)
        if books is None:
            screen.say("no folder 'runbooks' beside the package: alerts go out without runbooks")
        else:
            cali = "from dataflows.cli import app; app()"
            tasks["runbooks"] = [sys.executable, "-c", cali, "kb", "ingest", str(books)]
        for name, command in tasks.items():
            self._children.start(name, command, extra=place.settings())
        for port in (place.aws_port, place.search_port, place.slack_port):
            self._until(f"port {port} answers", _START_S, partial(_answers, port))
        stream.create(place.kinesis, SHARDS)
        s3.create_bucket(place.s3)
        screen.say("servers are up; loading the embedding model and the sample runbooks …")
        # The pipeline takes seconds to load its model before it opens Milvus Lite, which one process at a time may do:
        # it can start as soon as the ingestion has it open, and finds it closed again.
        self._until("the recovery store is made", _START_S, lambda: self._children.status("recovery") is not None)
        self._until("the knowledge base is open", _START_S, lambda: not books or place.knowledge.exists())

    def _start_page(self) -> None:
        log = self._children.start("pipeline", self.place.page, extra=self.place.settings())
        if "runbooks" in self._children:
            self._until("the runbooks are in", _START_S, lambda: self._children.status("runbooks") is not None)
        # Alerts go out without an explanation too, but a demo should show what a warm pipeline does.
        self._until("the pipeline is warm", _START_S, lambda: any(event in log.read_text("utf-8") for event in _WARM))
        self._until("the pipeline runs", _START_S, lambda: scrape(self.place.metrics) is not None)
        self._screen.say(f"python -m bytewax.run dataflows.log_intelligence is running: {self.place.metrics}")

    def _look(self, phase: str, feeder: Feeder) -> bool:
        """Show how far things are."""
        self._numbers = now = scrape(self.place.metrics) or self._numbers
        self._show_messages()
        self._screen.progress(
            Progress(
                phase=phase,
                put=feeder.put,
                planned=feeder.total,
                read=now.total("cali_kinesis_records_total"),
                behind_ms=round(now.most("cali_kinesis_behind_milliseconds")),
                alarming=now.total("cali_pieces_alarming_total"),
                faults=sum(now.total("cali_alert_decisions_total", reason=reason) for reason in OPENING),
                sent=now.total("cali_messages_total", status="sent"),
                spool=now.total("cali_spool_waiting_files"),
            )
        )
        return True

    def _show_messages(self, *, at_last: bool = False) -> None:
        for message in messages(self.place, self._shown):
            self._shown = max(self._shown, message["revision"])
            self._screen.message(message)
        self._screen.cards(at_last=at_last)

    def _delivered(self, feeder: Feeder) -> bool:
        """Nothing is on its way, and no window is just closing: then a stop leaves no alert half sent."""
        self._look("draining", feeder)
        now = self._numbers
        phase = time.time() % self.place.window_s
        return (
            now.total("cali_kinesis_records_total") == feeder.put
            and not now.total("cali_outbox_messages")
            and not now.total("cali_alerts_gathered")
            and not now.total("cali_search_waiting_documents")
            and GRACE_S + _SETTLED_S < phase < self.place.window_s - 1.0
        )

    def _until(self, what: str, limit_s: float, condition: Callable[[], bool], every_s: float = _POLL_S) -> None:
        """Wait for something, while every process is well and nobody asks for the end."""
        deadline = time.monotonic() + limit_s
        while not condition():
            self._children.check()
            if time.monotonic() > deadline:
                tail = self._children.tail("pipeline") if "pipeline" in self._children else ""
                msg = f"waited {limit_s:g} s, in vain, until {what}\n{tail}"
                raise ChildError(msg)
            self._signals.pause(every_s)
        self._children.check()


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), _LOOK_S):
            return True
    except OSError:
        return False
