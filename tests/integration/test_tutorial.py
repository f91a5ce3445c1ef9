"""The tutorial is typed, block by block, in one shell and an empty folder, and prints what its page shows.

Its Korean twin, and that of the deployment guide, have the same commands.
"""

import contextlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from dataflows.demo.place import clean, free_port

ROOT = Path(__file__).resolve().parents[2]
ENGLISH = ROOT / "docs/tutorial.md"
PORTS = ("4566", "9200")
"""As the page has them; the test takes free ones, so that a developer's emulator is left alone."""
END = "=== end of a block ==="

_CODE = re.compile(r"^```(bash|text)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_STEP = re.compile(r"^## .*$", re.MULTILINE)
_PARTS = re.compile(r"^\*\*(\w+)\*?\*?", re.MULTILINE)
_BLOCK = re.compile(r"^<!-- (?P<kind>run|output) -->\n```\w+\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE)


def _read(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def _blocks(page: Path) -> list[tuple[str, str]]:
    return [(found["kind"], found["text"]) for found in _BLOCK.finditer(_read(page))]


def _typed(page: Path) -> list[tuple[str, str | None]]:
    """What is typed, each with what the page shows after it, if anything."""
    blocks = [*_blocks(page), ("run", "")]
    return [
        (text, after if then == "output" else None) for (kind, text), (then, after) in pairwise(blocks) if kind == "run"
    ]


@pytest.fixture
def ports() -> dict[str, str]:
    """A free port for each one of the page."""
    return {port: str(free_port()) for port in PORTS}


@pytest.fixture
def printed(tmp_path: Path, ports: dict[str, str]) -> Iterator[list[str]]:
    """What the shell printed, by block: all of them, unless one failed."""
    script = "\n".join(f"{text}echo '{END}'" for text, _ in _typed(ENGLISH))
    for port, free in ports.items():
        script = script.replace(port, free)
    (tmp_path / "tmp").mkdir()
    with (tmp_path / "out").open("wb") as out, (tmp_path / "err").open("wb") as err:
        shell = subprocess.Popen(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=ROOT,
            env=clean(os.environ) | {"TMPDIR": str(tmp_path / "tmp"), "VIRTUAL_ENV": sys.prefix},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            start_new_session=True,
        )
        try:
            shell.wait(600)
            yield (tmp_path / "out").read_text(encoding="utf-8").split(f"{END}\n")
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(shell.pid, signal.SIGKILL)  # a block that failed leaves its servers behind
            (ROOT / f".cali/local/moto.{ports[PORTS[0]]}.pid").unlink(missing_ok=True)


def test_every_step_has_its_four_parts() -> None:
    """Purpose first, then a comparison from daily life, what to type, and a check with boto3: five times."""
    steps = [part for part in _STEP.split(_read(ENGLISH)) if "**Purpose.**" in part]
    titles = [title for title in _STEP.findall(_read(ENGLISH)) if title.startswith("## Step")]
    assert [["Purpose", "Like", "Type", "Check"]] * 5 == [_PARTS.findall(step) for step in steps]
    assert ["prepare", "ship", "run", "refuse", "crash"] == [title.split()[3].rstrip(":") for title in titles]
    assert [True] * 5 == [
        "boto3" in step[step.index("**Check.**") :] or "archive.py" in step[step.index("**Check.**") :]
        for step in steps
    ]


@pytest.mark.parametrize("page", ["tutorial.md", "deployment_guide.md"])
def test_the_korean_pages_type_the_same(page: str) -> None:
    """Both languages have the same blocks of code, in the same order, and the same headings in number."""
    english, korean = ROOT / "docs" / page, ROOT / "docs/ko" / page
    assert _CODE.findall(_read(english)) == _CODE.findall(_read(korean))
    assert len(_STEP.findall(_read(english))) == len(_STEP.findall(_read(korean)))


def test_the_commands_of_the_guide_are_bash() -> None:
    """Bash reads every block of the deployment guide without a complaint about its syntax."""
    typed = "\n".join(text for kind, text in _CODE.findall(_read(ROOT / "docs/deployment_guide.md")) if kind == "bash")
    read = subprocess.run(["bash", "-n"], input=typed, capture_output=True, check=False, text=True)
    assert (0, "") == (read.returncode, read.stderr)


@pytest.mark.slow
@pytest.mark.timeout(660)
def test_the_tutorial_prints_what_it_shows(printed: list[str], tmp_path: Path) -> None:
    """Typed from top to bottom, every command succeeds, and every block after `<!-- output -->` is what it printed."""
    typed = _typed(ENGLISH)
    assert len(typed) == len(printed) - 1, (tmp_path / "err").read_text(encoding="utf-8")[-4000:]
    assert [shown for _, shown in typed if shown is not None] == [
        text for text, (_, shown) in zip(printed, typed, strict=False) if shown is not None
    ]
