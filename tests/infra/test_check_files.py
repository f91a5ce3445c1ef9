"""`make check` finds an error in each kind of file that is not Python."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "scripts" / "check_files.py"
PROVIDERS = ROOT.parent / "shared"
COPIED = (
    *(".github", "airflow", "fluent-bit", "k8s", "terraform", "scripts"),
    *("tests/unit/fluent_bit", "tests/infra/airflow", "tests/infra/grafana", "tests/infra/terraform"),
)

PLANTED = [
    ("shell scripts", "scripts/setup.sh", "\nrm -rf $UNQUOTED/$TWO\n", "SC2086"),
    ("Dockerfiles", "Dockerfile", "\nRUN cd /tmp && apt-get install curl\n", "DL3008"),
    ("YAML", "k8s/base/pdb.yaml", "\nspec: {twice: true}\n", "duplication"),
    ("schemas", "docker-compose.yaml", "\nservces: {}\n", "servces"),
    ("schemas", "airflow/docker-compose.yaml", "\nservces: {}\n", "servces"),
    ("Dockerfiles", "airflow/Dockerfile", "\nRUN cd /tmp && apt-get install curl\n", "DL3008"),
    (
        "workflows",
        ".github/workflows/airflow-dags.yml",
        "\n  broken:\n    runs-on: ubuntu-24.04\n    step: []\n",
        "step",
    ),
    (
        "workflow security",
        ".github/workflows/ci.yml",
        "\n  broken:\n    runs-on: ubuntu-24.04\n    steps:\n      - uses: actions/checkout@main\n",
        "unpinned-uses",
    ),
    ("Terraform", "terraform/main.tf", "\nlocals {\n  a = 1\n  bcd    = 2\n}\n", "bcd"),
    ("Terraform names", "terraform/modules/kms/main.tf", "\nlocals {\n  unused = var.nowhere\n}\n", "nowhere"),
    ("manifests", "k8s/base/pdb.yaml", "  minimumAvailable: 1\n", "minimumAvailable"),
    ("plain manifests", "airflow/rbac.yaml", "          targetPort: 80\n", "targetPort"),
    ("Fluent Bit", "fluent-bit/fluent-bit.yaml", "\n      memory_limit: 5M\n", "memory_limit"),
    ("DAGs", "airflow/dags/log_aggregation.py", "\nlog_aggregation_weekly()\n", "log_aggregation_weekly"),
    ("DAGs", "airflow/dags/data_quality_check.py", "\nimport archive_jobs.qualities\n", "qualities"),
    ("DAGs", "airflow/cali_steps.py", "\nfrom airflow.sdk import DagBag\n", "DagBag"),
]

BOARD = "k8s/grafana/dashboards/cali-overview.json"
REPLACED = [
    ("dashboards", BOARD, '"id": 2,', '"id": 1,', "test_ids_are_unique"),
    ("dashboards", BOARD, '"x": 4,', '"x": 3,', "test_no_panel_covers_another"),
    ("dashboards", BOARD, '"field": "level"', '"field": "loudness"', "loudness"),
    ("dashboards", "k8s/grafana/dashboards/cali-itself.json", "cali_open_faults", "cali_open_doors", "cali_open_doors"),
]
"""The first place of something in a file, and what a hand might make of it."""


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The files that are checked, to be damaged."""
    return copied(tmp_path)


@pytest.fixture(scope="module")
def undamaged(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[int, str]]:
    """What a check says of the files as they are, asked once."""
    root = copied(tmp_path_factory.mktemp("undamaged"))
    return cache(lambda name: check(root, name))


def copied(folder: Path) -> Path:
    """A copy of the files that are checked."""
    root = folder / "checkout"
    for name in COPIED:
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns(".terraform", "__pycache__"))
    for name in (
        *("Dockerfile", "docker-compose.yaml", "pyproject.toml", "tests/conftest.py"),
        *("docs/dashboards.md", "docs/ko/dashboards.md"),
    ):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, root / name)
    if PROVIDERS.exists():
        (folder / PROVIDERS.name).symlink_to(PROVIDERS)
    return root


def check(root: Path, name: str) -> tuple[int, str]:
    """Exit status and output of one check."""
    words = [sys.executable, str(SCRIPT), "--root", str(root), "--only", name]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if "left out" in done.stdout:
        pytest.skip(done.stdout.strip())
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("name", "file", "error", "told"), PLANTED, ids=[f"{row[0]}: {row[1]}: {row[3]}" for row in PLANTED]
)
def test_a_planted_error_is_found(
    copy: Path, undamaged: Callable[[str], tuple[int, str]], name: str, file: str, error: str, told: str
) -> None:
    """With the error the check fails and names it; without it the check passes."""
    before = undamaged(name)
    path = copy / file
    path.write_text(path.read_text("utf-8") + error, "utf-8")
    status, output = check(copy, name)
    assert (0, 1) == (before[0], status), before[1] + output
    assert told in output


@pytest.mark.parametrize(("name", "file", "old", "new", "told"), REPLACED, ids=[row[3] for row in REPLACED])
def test_a_wrong_value_is_found(
    copy: Path, undamaged: Callable[[str], tuple[int, str]], name: str, file: str, old: str, new: str, told: str
) -> None:
    """A value that is well formed and wrong fails the check, which names it; the right one passes."""
    before = undamaged(name)
    path = copy / file
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")
    status, output = check(copy, name)
    assert (0, 1, True) == (before[0], status, told in output), before[1] + output
