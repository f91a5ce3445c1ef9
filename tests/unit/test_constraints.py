"""constraints.txt, which the audit looks up and every installation takes, names all that is really installed."""

import importlib.metadata
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

CONSTRAINTS = Path(__file__).parents[2] / "constraints.txt"
PINNED = {
    canonicalize_name(name): version
    for name, version in re.findall(r"(?m)^([\w.-]+)==(\S+)$", CONSTRAINTS.read_text(encoding="utf-8"))
}
CUDA = re.compile(r"nvidia-|cuda-|triton$")
"""What the build of PyTorch for graphics cards brings, with versions of its own choice: not used, not pinned."""


def wanted(name: str, extras: frozenset[str], python: str) -> Iterator[tuple[str, frozenset[str]]]:
    """What an installed distribution requires on a version of Python, with the extras asked for."""
    try:
        requires = importlib.metadata.requires(name) or []
    except importlib.metadata.PackageNotFoundError:
        return
    for requirement in map(Requirement, requires):
        environments = [
            {**default_environment(), "python_version": python, "python_full_version": f"{python}.0", "extra": extra}
            for extra in extras or {""}
        ]
        if requirement.marker is None or any(requirement.marker.evaluate(env) for env in environments):
            yield canonicalize_name(requirement.name), frozenset(requirement.extras)


def closure(python: str) -> set[str]:
    """Everything that `cali[dev]` needs on a version of Python, as far as what is installed here tells."""
    seen: dict[str, frozenset[str]] = {}
    left = [("cali", frozenset({"dev", "demo"}))]
    while left:
        name, extras = left.pop()
        if name in seen and extras <= seen[name]:
            continue
        seen[name] = seen.get(name, frozenset()) | extras
        left += wanted(name, seen[name], python)
    return {name for name in seen if name != "cali" and not CUDA.match(name)}


@pytest.mark.parametrize("python", ["3.11", "3.12"])
def test_every_dependency_is_pinned(python: str) -> None:
    """Direct and transitive ones, with their extras, on both versions of Python."""
    assert set() == closure(python) - PINNED.keys()


def test_what_is_installed_is_what_is_pinned() -> None:
    """The audit of constraints.txt is an audit of what the tests ran with. A local version (`+cpu`) counts as equal."""
    found = {}
    for name in PINNED:
        try:
            found[name] = importlib.metadata.version(name).partition("+")[0]
        except importlib.metadata.PackageNotFoundError:
            continue  # only for the other version of Python, or another platform
    assert {name: PINNED[name] for name in found} == found
