"""What every workflow must keep to, whoever edits it."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / ".github" / "workflows"
FILES = sorted(FOLDER.glob("*.yml"))
_USES = re.compile(r"^\s*(?:- )?uses: *(?P<what>\S+)(?: +# *(?P<version>\S+))?", re.MULTILINE)
_PINNED = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}")
_VERSION = re.compile(r"v\d+(\.\d+)*")
_OWN = "$/.github/workflows/"

by_file = pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)


def _load(file: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(file.read_text())
    return loaded


def _jobs(file: Path) -> dict[str, dict[str, Any]]:
    jobs: dict[str, dict[str, Any]] = _load(file)["jobs"]
    return jobs


def _steps(file: Path) -> list[dict[str, Any]]:
    return [step for job in _jobs(file).values() for step in job.get("steps", [])]


def test_the_workflows_are_there() -> None:
    """Tests, DAGs, image, Terraform, log shipper and release each have their workflow."""
    assert ["airflow-dags", "ci", "fluent-bit", "image", "release", "terraform"] == [file.stem for file in FILES]


@by_file
def test_actions_are_pinned_by_commit(file: Path) -> None:
    """Every action of others is named by a full commit, with its version for people and Dependabot."""
    used = [(found["what"], found["version"]) for found in _USES.finditer(file.read_text())]
    loose = [
        (what, version)
        for what, version in used
        if not what.startswith(_OWN) and not (_PINNED.fullmatch(what) and _VERSION.fullmatch(version or ""))
    ]
    assert [] == loose
    assert [] == [what for what, _ in used if what.startswith(_OWN) and not (ROOT / what.removeprefix("$/")).is_file()]


def test_an_action_has_one_version() -> None:
    """An action is the same commit everywhere: an update that forgets a place is seen."""
    pins = {found["what"] for file in FILES for found in _USES.finditer(file.read_text()) if "@" in found["what"]}
    actions = [pin.partition("@")[0] for pin in pins]
    assert sorted(set(actions)) == sorted(actions)


@by_file
def test_nothing_is_allowed_by_default(file: Path) -> None:
    """The workflow grants nothing; every job says what it needs, how long it may take, and what makes way for it."""
    assert {} == _load(file)["permissions"]
    assert {"group", "cancel-in-progress"} == set(_load(file)["concurrency"])
    jobs = _jobs(file)
    assert [] == [name for name, job in jobs.items() if "permissions" not in job]
    assert [] == [name for name, job in jobs.items() if "uses" not in job and "timeout-minutes" not in job]


@by_file
def test_rights_to_write_stay_behind_an_environment(file: Path) -> None:
    """A job that may write anything, or ask for an identity, belongs to an environment, or calls one that does."""
    writing = {name: job for name, job in _jobs(file).items() if "write" in job["permissions"].values()}
    assert [] == [name for name, job in writing.items() if "environment" not in job and "uses" not in job]


@by_file
def test_code_of_a_pull_request_gets_no_rights(file: Path) -> None:
    """No workflow runs with the rights of the base branch for a pull request, and none takes secrets."""
    on = _load(file)[True]  # YAML 1.1 reads `on` as a boolean
    assert set() == {"pull_request_target", "workflow_run", "issue_comment"} & set(on)
    assert "secrets." not in file.read_text()


@by_file
def test_checkouts_keep_no_token(file: Path) -> None:
    """The token of the job is not left in .git/config, where any later step could read it."""
    checkouts = [step for step in _steps(file) if str(step.get("uses", "")).startswith("actions/checkout@")]
    assert [] == [step for step in checkouts if step.get("with", {}).get("persist-credentials") is not False]


@by_file
def test_scripts_hold_no_expressions(file: Path) -> None:
    """Values reach a shell as environment variables: an expression in a script would be code."""
    assert [] == [step["run"] for step in _steps(file) if "${{" in step.get("run", "")]


def test_what_scripts_name_exists() -> None:
    """Targets of make and files that a step names are there."""
    makefile = (ROOT / "Makefile").read_text()
    scripts = "\n".join(step.get("run", "") for file in FILES for step in _steps(file))
    targets = set(re.findall(r"\bmake ([a-z-]+)", scripts))
    assert set() == {target for target in targets if not re.search(rf"^{target}:", makefile, re.MULTILINE)}
    named = set(re.findall(r"\b(?:scripts|tests)/[\w./-]+", scripts))
    assert set() == {name for name in named if not (ROOT / name).exists()}


def test_a_release_pushes_a_tag_of_its_own() -> None:
    """Tags of the registry cannot be moved, and main has pushed the tag of a release's commit already."""
    (push,) = [step for step in _jobs(FOLDER / "image.yml")["push"]["steps"] if step.get("id") == "push"]
    assert push["with"]["tags"].endswith(":${{ github.ref_type == 'tag' && github.ref_name || github.sha }}")


@pytest.mark.parametrize(
    "command",
    [
        ["jactionlint", *map(str, FILES)],
        ["zizmor", "--offline", "--quiet", str(FOLDER)],
        ["check-jsonschema", "--builtin-schema", "vendor.github-workflows", *map(str, FILES)],
    ],
    ids=lambda command: command[0],
)
def test_linters_find_nothing(command: list[str]) -> None:
    """Linters of workflows are content."""
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not on the path (a wheel of that name has it)")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (0, "") == (done.returncode, "" if done.returncode == 0 else done.stdout + done.stderr)
