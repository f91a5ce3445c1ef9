"""The development container."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]


@pytest.fixture
def container() -> dict[str, Any]:
    """The file without its comments, which stand on lines of their own."""
    text = (ROOT / ".devcontainer" / "devcontainer.json").read_text()
    loaded: dict[str, Any] = json.loads(re.sub(r"^\s*//.*$", "", text, flags=re.MULTILINE))
    return loaded


def test_its_python_is_one_that_cali_runs_on(container: dict[str, Any]) -> None:
    """The image is of a Python that Bytewax has wheels for, and of a fixed distribution."""
    assert re.fullmatch(r"python:3\.1[12]-[a-z]+", container["image"]) is not None


def test_it_installs_what_setup_needs(container: dict[str, Any]) -> None:
    """Every tool that scripts/setup.sh cannot do without is installed, as Debian names it."""
    listed = re.search(r"for tool in (.*?); do", (ROOT / "scripts" / "setup.sh").read_text())
    assert listed is not None
    assert ["make", "node", "npm"] == re.findall(r'"(\w+):', listed[1])
    installed = container["onCreateCommand"].split()
    assert {"make", "nodejs", "npm"} <= set(installed)


def test_its_commands_exist(container: dict[str, Any]) -> None:
    """The target of make that sets it up is there."""
    target = container["postCreateCommand"].removeprefix("make ")
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE) is not None
