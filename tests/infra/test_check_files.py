"""`make check` finds an error in each kind of file that is not Python."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "scripts" / "check_files.py"
PROVIDERS = ROOT.parent / "shared"
COPIED = (".github", "fluent-bit", "k8s", "terraform", "scripts", "tests/unit/fluent_bit", "tests/infra/terraform")

PLANTED = [
    ("shell scripts", "scripts/setup.sh", "\nrm -rf $UNQUOTED/$TWO\n", "SC2086"),
    ("Dockerfiles", "Dockerfile", "\nRUN cd /tmp && apt-get install curl\n", "DL3008"),
    ("YAML", "k8s/base/pdb.yaml", "\nspec: {twice: true}\n", "duplication"),
    ("schemas", "docker-compose.yaml", "\nservces: {}\n", "servces"),
    ("workflows", ".github/workflows/ci.yml", "\n  broken:\n    runs-on: ubuntu-24.04\n    step: []\n", "step"),
    (
        "workflow security",
        ".github/workflows/ci.yml",
        "\n  broken:\n    runs-on: ubuntu-24.04\n    steps:\n      - uses: actions/checkout@main\n",
        "unpinned-uses",
    ),
    ("Terraform", "terraform/main.tf", "\nlocals {\n  a = 1\n  bcd    = 2\n}\n", "bcd"),
    ("Terraform names", "terraform/modules/kms/main.tf", "\nlocals {\n  unused = var.nowhere\n}\n", "nowhere"),
    ("manifests", "k8s/base/pdb.yaml", "  minimumAvailable: 1\n", "minimumAvailable"),
    ("Fluent Bit", "fluent-bit/fluent-bit.yaml", "\n      memory_limit: 5M\n", "memory_limit"),
]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The files that are checked, to be damaged."""
    root = tmp_path / "checkout"
    for name in COPIED:
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns(".terraform", "__pycache__"))
    for name in ("Dockerfile", "docker-compose.yaml", "pyproject.toml", "tests/conftest.py"):
        shutil.copy(ROOT / name, root / name)
    if PROVIDERS.exists():
        (tmp_path / PROVIDERS.name).symlink_to(PROVIDERS)
    return root


def check(root: Path, name: str) -> tuple[int, str]:
    """Exit status and output of one check."""
    words = [sys.executable, str(SCRIPT), "--root", str(root), "--only", name]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if "left out" in done.stdout:
        pytest.skip(done.stdout.strip())
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(("name", "file", "error", "told"), PLANTED, ids=[row[0] for row in PLANTED])
def test_a_planted_error_is_found(copy: Path, name: str, file: str, error: str, told: str) -> None:
    """With the error the check fails and names it; without it the check passes."""
    before = check(copy, name)
    path = copy / file
    path.write_text(path.read_text("utf-8") + error, "utf-8")
    status, output = check(copy, name)
    assert (0, 1) == (before[0], status), before[1] + output
    assert told in output
