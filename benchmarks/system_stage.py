"""The whole system on loopback: the stand-ins and the page as people run it, each a process of its own."""

import json
import os
import secrets
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from system_feed import rules
from system_servers import BUCKET, STREAM

from dataflows.demo.children import Children
from dataflows.demo.place import clean, free_port, runbooks
from dataflows.demo.scrape import Numbers, scrape

START_S = 120.0
NO_MODEL = "/nonexistent/embedding-model"
"""As CALI_RAG__EMBEDDING_MODEL: no knowledge base, no model, and neither torch nor Milvus is loaded."""
_TICKS = os.sysconf("SC_CLK_TCK")


class Stage:
    """One deployment in a folder. Use it in a `with` block, which ends all processes."""

    def __init__(self, folder: Path, *, rag: bool, ingest: bool = True) -> None:
        """With `rag` the shipped runbooks are ingested before the page starts, unless the folder has them already.

        A language model is never set.
        """
        self._folder, self._rag, self._ingest = folder, rag, ingest
        self.knowledge = folder / "runbooks.db"
        """Of Milvus Lite."""
        self._children = Children(folder, clean(os.environ))
        self._pids: dict[str, int] = {}
        self._metrics_port = free_port()
        self._numbers = Numbers()
        self.port = 0
        """Of Kinesis, S3 and OpenSearch."""
        self.slack = ""
        """Address of the Slack stand-in."""

    def __enter__(self) -> Self:
        self._children.__enter__()
        try:
            self._prepare()
        except BaseException:
            self._children.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._children.__exit__(kind, error, trace)

    def _prepare(self) -> None:
        here = Path(__file__).parent
        (self._folder / "rules.yaml").write_text(rules(), encoding="utf-8")
        (self._folder / "recovery").mkdir()
        servers = self.start("servers", [sys.executable, str(here / "system_servers.py")])
        slack = self.start("slack", [sys.executable, "-m", "dataflows.demo.slack_stand_in"])
        for log in (servers, slack):
            self.until("the stand-ins are up", lambda log=log: log.read_bytes().endswith(b"}\n"))  # type: ignore[misc]
        self.port = json.loads(servers.read_text("ascii"))["port"]
        self.slack = json.loads(slack.read_text("ascii"))["url"]
        before = {"recovery": [sys.executable, "-m", "bytewax.recovery", str(self._folder / "recovery"), "1"]}
        if self._rag and self._ingest:
            cali = [sys.executable, "-c", "from dataflows.cli import app; app()"]
            before["runbooks"] = [*cali, "kb", "ingest", str(runbooks())]
        for name, command in before.items():
            self.start(name, command, self._settings())
            self.until(f"{name} is done", lambda name=name: self._children.status(name) is not None)  # type: ignore[misc]

    def start(self, name: str, command: list[str], settings: dict[str, str] | None = None) -> Path:
        """Start a process; returns its log."""
        told = ["sh", "-c", 'echo $$ > "$0"; exec "$@"', str(self._folder / f"{name}.pid")]  # what Python becomes
        return self._children.start(name, [*told, *command], extra=settings)

    def start_page(self) -> Path:
        """Run the page as it is run in production; returns its log at once."""
        flow = [sys.executable, "-m", "bytewax.run", "dataflows.log_intelligence"]
        command = [*flow, "-r", str(self._folder / "recovery"), "-s", "10", "-b", "0"]
        return self.start("page", command, self._settings())

    def stop_page(self) -> int:
        """End it as Kubernetes does; returns its exit status."""
        self._children.ask_to_end("page")
        self.until("the page has ended", lambda: self._children.status("page") is not None)
        return self._children.status("page") or 0

    def until(self, what: str, done: Callable[[], bool], limit_s: float = START_S, every_s: float = 0.02) -> None:
        """Wait. Raises `ChildError` if a process fails meanwhile, TimeoutError if it never comes."""
        end = time.monotonic() + limit_s
        while not done():
            self._children.check()
            if time.monotonic() > end:
                tail = self._children.tail("page") if "page" in self._children else ""
                msg = f"waited {limit_s:g} s, in vain, until {what}; the page's log ends:\n{tail}"
                raise TimeoutError(msg)
            time.sleep(every_s)

    def cpu_s(self, name: str) -> float:
        """User and system time of a process so far, seconds (Linux; 0 before it runs)."""
        try:
            pid = self._pids.get(name) or int((self._folder / f"{name}.pid").read_text("ascii"))
            fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
        except (OSError, ValueError):
            return 0.0
        self._pids[name] = pid
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def numbers(self) -> Numbers:
        """The page's metrics; those of the last answer if it does not answer in time."""
        self._numbers = scrape(f"http://127.0.0.1:{self._metrics_port}/metrics") or self._numbers
        return self._numbers

    def report(self) -> dict[str, Any]:
        """What has come to the stand-ins, as `system_servers.World.report`."""
        found: dict[str, Any] = self._call("/system/report")
        return found

    def slow(self, **seconds: float) -> None:
        """Let `s3` or `opensearch` answer so late from now on; what is not named is quick again."""
        self._call("/system/slow", json.dumps(seconds).encode())

    def messages(self) -> list[dict[str, Any]]:
        """What Slack has taken, as `dataflows.demo.slack_api.Received`."""
        found: list[dict[str, Any]] = _fetched(f"{self.slack}/messages.json", None)
        return found

    def _call(self, path: str, body: bytes | None = None) -> Any:  # noqa: ANN401 - JSON
        return _fetched(f"http://127.0.0.1:{self.port}{path}", body)

    def _settings(self) -> dict[str, str]:
        """Where things are. Everything else is as it is shipped."""
        here = f"http://127.0.0.1:{self.port}"
        return {
            "CALI_KINESIS__STREAM": STREAM,
            "CALI_KINESIS__ENDPOINT_URL": here,
            "CALI_S3__BUCKET": BUCKET,
            "CALI_S3__ENDPOINT_URL": here,
            "CALI_OPENSEARCH__URL": here,
            "CALI_OPENSEARCH__LIFECYCLE": "none",
            "CALI_SLACK__BOT_TOKEN": f"xoxb-{secrets.token_hex(12)}",
            "CALI_SLACK__API_URL": f"{self.slack}/api/",
            "CALI_RAG__MILVUS_URI": str(self.knowledge),
            "CALI_RAG__EMBEDDING_MODEL": "" if self._rag else NO_MODEL,
            "CALI_RULES__PATH": str(self._folder / "rules.yaml"),
            "CALI_REDACTION__KEY": secrets.token_hex(16),
            "CALI_STATE__DIR": str(self._folder / "state"),
            "BYTEWAX_DATAFLOW_API_ENABLED": "1",
            "BYTEWAX_DATAFLOW_API_PORT": str(self._metrics_port),
            "BYTEWAX_DATAFLOW_API_CACHE_PATH": str(self._folder),
        }


def _fetched(url: str, body: bytes | None) -> Any:  # noqa: ANN401 - JSON
    with urllib.request.urlopen(url, body, timeout=60) as answer:  # noqa: S310 - a server of ours on loopback
        return json.load(answer)
