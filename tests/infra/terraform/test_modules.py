"""Modules and roots under the provider: valid, and their own tests pass."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

TREE = Path(__file__).parents[3] / "terraform"
PLACES = [*sorted(path for path in (TREE / "modules").iterdir() if path.is_dir()), TREE, TREE / "local"]


@pytest.mark.parametrize("root", [TREE, TREE / "local"], ids=["terraform", "local"])
def test_a_root_is_valid(quick_provider: Path, in_folder: Callable[..., Any], tmp_path: Path, root: Path) -> None:
    """Names, types and required arguments of everything are those of provider 6.69."""
    assert "Success!" in in_folder(root, tmp_path, quick_provider).run("validate", "-no-color")


@pytest.mark.infra
@pytest.mark.timeout(900)
@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.name)
def test_its_own_tests_pass(provider: Path | None, in_folder: Callable[..., Any], tmp_path: Path, place: Path) -> None:
    """`terraform test` under each provider at hand: 6.69's schema, 5.100, or what the registry gives."""
    terraform = in_folder(place, tmp_path, provider)
    assert " 0 failed" in terraform.run("test", "-no-color")
