"""A checkout in which every tool is a stub that writes down how it was called."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
TOOLS = ("terraform", "aws", "kubectl", "docker", "make", "git")
_ANSWERS = """\
case "$*" in
  *"output -raw k8s_env") printf 'AWS_REGION=eu-north-1\\nCALI_S3__BUCKET=b\\n' ;;
  *"output -raw cluster_name") printf cali-test ;;
  *"output -json repository_urls") printf '%s' "$REPOSITORIES" ;;
  *"output -raw k8s_overlay") printf 'resources: []' ;;
  "rev-parse"*) printf 0123456789ab ;;
  "inspect"*) printf registry.example/cali@sha256:0000 ;;
  "diff"*) exit 1 ;;
  "get $ABSENT "*) echo "Error from server (NotFound)" >&2; exit 1 ;;
  "kustomize "*) printf '      key: cali/dev/slack\n      key: cali/dev/openai\n      key: cali/dev/slack\n' ;;
  *"--secret-id $EMPTY "*) echo None ;;
  "login "*) cat >/dev/null ;;
esac
"""

Script = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def calls(tmp_path: Path) -> Path:
    """The file with a line for each call of a stub; absent as long as there is none."""
    return tmp_path / "calls"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with the scripts, and the files of an environment `dev` with repository and state of its own."""
    folder = tmp_path / "checkout"
    shutil.copytree(ROOT / "scripts", folder / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "terraform" / "environments").mkdir(parents=True)
    for name in ("environments/dev.tfvars", "terraform.tfvars"):
        (folder / "terraform" / name).touch()
    (folder / "terraform" / "dev.backend.hcl").write_text('key = "cali/dev/terraform.tfstate"\n')
    return folder


@pytest.fixture
def script(tmp_path: Path, checkout: Path, calls: Path) -> Script:
    """Runs a script of that checkout with stubs for every tool.

    `answers` is what a person types. `given`: `ABSENT`, what `kubectl get` does not find; `EMPTY`, a secret without a
    value; `REPOSITORIES`, Terraform's output in place of its own and one of Airflow's.
    """
    stubs = tmp_path / "stubs"
    stubs.mkdir()
    for tool in TOOLS:
        stub = stubs / tool
        stub.write_text(f'#!/bin/sh\necho "{tool} $*" >> "{calls}"\n{_ANSWERS}')
        stub.chmod(0o755)

    def run(*command: str, answers: str = "", **given: str) -> subprocess.CompletedProcess[str]:
        repositories = '{"airflow":"registry.example/airflow","cali":"registry.example/cali"}'
        state = {"ABSENT": "nothing", "EMPTY": "none", "REPOSITORIES": repositories, **given}
        return subprocess.run(
            [str(checkout / "scripts" / command[0]), *command[1:]],
            env={**os.environ, **state, "PATH": f"{stubs}{os.pathsep}{os.environ['PATH']}"},
            input=answers,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run
