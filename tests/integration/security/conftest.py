"""Makes the helpers importable (tests are no package), and gives what several files here need."""

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from planting.servers import Echo, Model


@pytest.fixture
def model() -> Iterator[Model]:
    """A model and a server of embeddings in one."""
    with Model() as made:
        yield made


@pytest.fixture
def echo() -> Iterator[Echo]:
    """A server that refuses everything and says in its answer what it was sent."""
    with Echo() as made:
        yield made


@pytest.fixture
def until() -> Callable[..., None]:
    """Ask until the answer is true; fails the test after a minute and a half: machines of CI are slow at times."""

    def wait(true: Callable[[], Any], *, what: str) -> None:
        deadline = time.monotonic() + 90.0
        while not true():
            if time.monotonic() > deadline:
                pytest.fail(f"waited in vain until {what}")
            time.sleep(0.1)

    return wait
