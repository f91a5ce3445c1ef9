"""Terraform run on copies of the tree, with whichever provider is at hand.

`CALI_TF_MIRROR` names a folder that holds `<registry>/hashicorp/aws/...`. Without it the provider comes from
`../shared` beside the checkout (a schema of 6.69 that plans but applies nothing, and the real 5.100 where the machine
carries it), else from Terraform's registry. Nothing is written into the checkout, so no lock file of a stand-in either.
"""

import importlib.util
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
TREE = ROOT / "terraform"
OFFLINE = ROOT.parent / "shared" / "tools" / "terraform" / "offline.sh"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_REGION": "ap-northeast-2"}
_NOT_COPIED = shutil.ignore_patterns(
    ".terraform", ".terraform.lock.hcl", "*.tfstate*", "backend.hcl", "terraform.tfvars"
)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the slow ones out unless they are asked for by `-m infra`."""
    if "infra" in config.option.markexpr:
        return
    slow = pytest.mark.skip(reason="takes minutes: make check-infra, or pytest -m infra")
    for item in items:
        if item.get_closest_marker("infra") and Path(item.path).is_relative_to(Path(__file__).parent):
            item.add_marker(slow)


class Terraform:
    """Commands in one copied tree. A command that fails fails the test with what it printed."""

    def __init__(self, tree: Path, mirror: Path | None) -> None:
        self.tree = tree
        self.env = {**os.environ, **CREDENTIALS, "CHECKPOINT_DISABLE": "1", "TF_IN_AUTOMATION": "1"}
        if mirror:
            rc = tree / "mirror.tfrc"
            rc.write_text(f'provider_installation {{\n  filesystem_mirror {{ path = "{mirror}" }}\n}}\n')
            self.env["TF_CLI_CONFIG_FILE"] = str(rc)

    def run(self, *words: str, env: dict[str, str] | None = None) -> str:
        """Standard output of one command."""
        done = subprocess.run(
            ["terraform", *words],
            cwd=self.tree,
            env={**self.env, **(env or {})},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            pytest.fail(f"terraform {' '.join(words)}:\n{done.stdout}\n{done.stderr}", pytrace=False)
        return done.stdout

    def init(self) -> None:
        """Find the provider; no backend."""
        self.run("init", "-backend=false", "-input=false", "-no-color")

    def planned(self, variables: dict[str, Any], *files: str) -> dict[str, dict[str, Any]]:
        """What a plan would make: values by address, for those known before it is made."""
        (self.tree / "given.tfvars.json").write_text(json.dumps(variables))
        given = [f"-var-file={file}" for file in (*files, "given.tfvars.json")]
        self.run("plan", "-input=false", "-no-color", "-lock=false", *given, "-out=given.tfplan")
        plan = json.loads(self.run("show", "-json", "given.tfplan"))
        return {change["address"]: change["change"]["after"] for change in plan["resource_changes"]}


def _copied(root: Path, to: Path) -> Path:
    shutil.copytree(root, to, ignore=_NOT_COPIED)
    (to / "backend.tf").unlink(missing_ok=True)
    if not (to / "modules").exists() and root.parent.name != "modules":
        shutil.copytree(TREE / "modules", to / "modules", ignore=_NOT_COPIED)
        for file in to.glob("*.tf"):
            file.write_text(re.sub(r'"\.\./modules/', '"./modules/', file.read_text()))
    return to


InFolder = Callable[[Path, Path, Path | None], Terraform]


@pytest.fixture(scope="session")
def in_folder() -> InFolder:
    """Terraform in a copy of a root or a module: with all it needs, without its backend, initialised."""

    def make(root: Path, folder: Path, mirror: Path | None) -> Terraform:
        terraform = Terraform(_copied(root, folder / root.name), mirror)
        terraform.init()
        return terraform

    return make


@pytest.fixture(scope="session")
def terraform_command() -> None:
    """Skip where there is no terraform."""
    if not shutil.which("terraform"):
        pytest.skip("terraform is not on PATH: see https://developer.hashicorp.com/terraform/install")


def _schema_mirror() -> Path | None:
    if not OFFLINE.exists():
        return None
    # The script makes the stand-in the first time that it is asked for.
    subprocess.run(
        ["bash", str(OFFLINE), str(TREE / "modules" / "kms"), "validate"],
        env={**os.environ, "CALI_TF_PROVIDER": "schema"},
        capture_output=True,
        check=False,  # what is wrong with that module is told where it is looked at
    )
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "cali-tfstub" / "mirror"


def _real_mirror() -> Path | None:
    if not OFFLINE.exists():
        return None
    # As the script beside it looks for one.
    find = ["find", "/", "-xdev", "-maxdepth", "3", "-type", "d", "-name", "registry.terraform.*", "-print", "-quit"]
    found = subprocess.run(find, capture_output=True, text=True, check=False).stdout.strip()
    return Path(found).parent if found else None


@pytest.fixture(scope="session", params=["schema", "real"])
def provider(request: pytest.FixtureRequest, terraform_command: None) -> Path | None:
    """Each provider that is at hand; None is Terraform's registry."""
    if given := os.environ.get("CALI_TF_MIRROR"):
        if request.param == "schema":
            pytest.skip("CALI_TF_MIRROR names the one provider to use")
        return Path(given)
    if OFFLINE.exists():
        found = _schema_mirror() if request.param == "schema" else _real_mirror()
        if not found:
            pytest.skip("this machine carries no real provider: set CALI_TF_MIRROR to a mirror that holds one")
        return found
    if request.param == "schema":
        pytest.skip("the schema of provider 6.69 is not beside this checkout; the registry's provider is used")
    return None


@pytest.fixture(scope="session")
def quick_provider(terraform_command: None) -> Path:
    """A given mirror, or the schema alone, which is quick enough for every run of the tests."""
    if given := os.environ.get("CALI_TF_MIRROR"):
        return Path(given)
    if not (found := _schema_mirror()):
        pytest.skip("no provider schema beside this checkout; modules have tests of their own (make check-infra)")
    return found


@pytest.fixture(scope="session")
def real_provider(terraform_command: None) -> Path | None:
    """The provider that can apply; None is Terraform's registry."""
    if given := os.environ.get("CALI_TF_MIRROR"):
        return Path(given)
    if OFFLINE.exists() and not (found := _real_mirror()):
        pytest.skip("this machine carries no real provider: set CALI_TF_MIRROR to a mirror that holds one")
    return found if OFFLINE.exists() else None


@pytest.fixture(scope="session")
def servers() -> ModuleType:
    """`free_port` and `serving` of the tests' top folder."""
    spec = importlib.util.spec_from_file_location("cali_terraform_servers", ROOT / "tests" / "conftest.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
