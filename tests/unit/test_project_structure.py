"""docs/project_structure.md names the folders that exist, and every one down to the second level."""

import re
import subprocess
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/project_structure.md"
DEPTH = 2
"""Levels of folders that the page lists in full."""

_TREE = re.compile(r"^```text\n(?P<tree>.*?)^```$", re.DOTALL | re.MULTILINE)
_LINE = re.compile(r"(?P<indent> *)(?P<name>\S+)(?: +(?P<purpose>\S.*))?")
_NAMED = re.compile(r"`(?P<path>[a-z][a-z_/]*/[a-z_/]*(?:\.py)?)`")


def _listed() -> dict[str, str]:
    """Path, folders with a final slash, to purpose."""
    text = PAGE.read_text(encoding="utf-8")
    tree = _TREE.search(text)
    assert tree is not None, f"{PAGE.name} has no ```text block with the tree"
    paths: dict[str, str] = {}
    above = ""
    for line in tree["tree"].splitlines():
        found = _LINE.fullmatch(line)
        assert found is not None, f"cannot be read as a line of the tree: {line!r}"
        path = above + found["name"] if found["indent"] else found["name"]
        if not found["indent"]:
            above = path
        assert path not in paths, f"{path} is listed twice"
        paths[path] = found["purpose"] or ""
    return paths


def _kept() -> set[PurePosixPath]:
    """Files that Git keeps, or would keep."""
    command = ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    try:
        listed = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    except (OSError, subprocess.CalledProcessError) as err:
        pytest.skip(f"no Git, or no checkout of it: what belongs to the project is not known ({err})")
    return {PurePosixPath(name) for name in listed.split("\0") if name and (ROOT / name).exists()}


def test_the_tree_is_what_is_there() -> None:
    """Files at the top, and folders to the second level: each is listed, and whatever is listed is there."""
    kept = _kept()
    at_the_top = {str(path) for path in kept if len(path.parts) == 1}
    folders = {
        f"{PurePosixPath(*path.parts[:level])}/"
        for path in kept
        for level in range(1, min(len(path.parts) - 1, DEPTH) + 1)
    }
    listed = set(_listed())
    assert [] == sorted((folders | at_the_top) - listed), "say in docs/project_structure.md what these are for"
    assert [] == sorted(path for path in listed if not (ROOT / path).exists()), (
        "docs/project_structure.md names what is gone"
    )


def test_each_line_says_what_it_is_for() -> None:
    """A name alone tells nobody anything."""
    assert [] == [path for path, purpose in _listed().items() if not purpose]


def test_paths_in_the_text_exist() -> None:
    """Whatever else the page names in code is there."""
    named = {found["path"] for found in _NAMED.finditer(PAGE.read_text(encoding="utf-8"))}
    assert [] == sorted(path for path in named if not (ROOT / path).exists())
