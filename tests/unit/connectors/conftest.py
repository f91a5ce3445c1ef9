"""What the tests of several connectors share."""

from collections.abc import Callable

import pytest


@pytest.fixture
def assert_plain() -> Callable[[object], None]:
    """Checks that a snapshot holds builtin types only, so that no class of ours is in any pickle."""

    def check(value: object) -> None:
        assert type(value) in {dict, list, tuple, str, bytes, int, float, bool, type(None)}, repr(type(value))
        if isinstance(value, dict):
            for key, inner in value.items():
                check(key)
                check(inner)
        elif isinstance(value, list | tuple):
            for inner in value:
                check(inner)

    return check
