"""The services of the compose file that run without Docker, on loopback, with its own commands and settings."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

ROOT = Path(__file__).parents[3]
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "docker-compose.yaml").read_text())["services"]

LOOPBACK = {"0.0.0.0": "127.0.0.1"}  # noqa: S104 - containers listen everywhere, tests do not

pytestmark = pytest.mark.slow


def _command(name: str, replace: dict[str, str]) -> list[str]:
    """What the service runs, its interpreter and places replaced by those of this machine."""
    words = [*SERVICES[name].get("entrypoint", []), *SERVICES[name].get("command", [])]
    for old, new in {
        "/venv/bin/python": sys.executable,
        "/scripts": str(ROOT / "scripts/local-dev"),
        **replace,
    }.items():
        words = [word.replace(old, new) for word in words]
    return words


def _environment(name: str, replace: dict[str, str]) -> dict[str, str]:
    given = {key: str(value) for key, value in SERVICES[name].get("environment", {}).items()}
    for old, new in replace.items():
        given = {key: value.replace(old, new) for key, value in given.items()}
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("CALI_", "AWS_"))}
    return kept | given | {"PYTHONPATH": str(ROOT)}


@pytest.fixture
def place(tmp_path: Path) -> dict[str, str]:
    """Where the container's folders are here, after `prepare` has run."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not on the path")
    folders = {f"/{name}": str(tmp_path / name) for name in ("tls", "logs", "state", "fluent-bit-state")}
    command = ["sh", str(ROOT / "scripts/local-dev/prepare-volumes.sh"), *folders.values()]
    subprocess.run(command, env={**_environment("prepare", {}), "OWNER": ""}, check=True, timeout=60)
    return folders


@pytest.fixture
def aws(place: dict[str, str], tmp_path: Path, servers: Any) -> Iterator[dict[str, str]]:
    """The emulator behind TLS; what must be replaced to reach it."""
    port = servers.free_port()
    command = _command("aws", {**place, **LOOPBACK, "5000": str(port)})
    with servers.serving(command, port, tmp_path / "aws.log"):
        yield {**place, "https://aws:5000": f"https://localhost:{port}"}


def test_the_stream_and_the_bucket_are_made_behind_tls(aws: dict[str, str], tmp_path: Path) -> None:
    """`seed` makes both through the certificate of `prepare`; its second run reads the stream and writes the bucket."""
    for outcome in ("made", "was there"):
        seeded = subprocess.run(
            _command("seed", aws)[:2],  # without the runbooks, which need Milvus
            env=_environment("seed", aws),
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        said = [f"stream cali-log-stream: {outcome}", f"bucket cali-logs: {outcome}"]
        assert said == seeded.stdout.splitlines(), seeded.stderr


def test_a_client_without_the_certificate_is_refused(aws: dict[str, str], tmp_path: Path) -> None:
    """The emulator is trusted for its certificate only, as Fluent Bit demands."""
    environment = {key: value for key, value in _environment("seed", aws).items() if key != "AWS_CA_BUNDLE"}
    done = subprocess.run(
        _command("seed", aws)[:2],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (1, True) == (done.returncode, "SSL" in done.stderr), done.stderr


def test_the_slack_stand_in_listens_where_it_is_told(tmp_path: Path, servers: Any) -> None:
    """The service's command serves the page and the Web API on the port that compose publishes."""
    port = servers.free_port()
    with servers.serving(_command("slack", {**LOOPBACK, "8080": str(port)}), port, tmp_path / "slack.log") as url:
        token = SERVICES["cali"]["environment"]["CALI_SLACK__BOT_TOKEN"]
        answer = requests.post(f"{url}/api/auth.test", headers={"Authorization": f"Bearer {token}"}, timeout=10).json()
        assert (True, 200) == (answer["ok"], requests.get(f"{url}/", timeout=10).status_code)
