"""How a dependency that fails again and again is left alone: a guard around each call, handed in by who wires rag."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager


class CircuitOpenError(Exception):
    """The call was not made: the dependency failed too often a moment ago."""


Guard = Callable[[], AbstractContextManager[None]]
"""Makes a context manager for one call. Entering it may raise `CircuitOpenError`; an exception that leaves the block
counts as a failure of the dependency and is raised as it is. Must be thread-safe."""


@contextmanager
def unguarded() -> Iterator[None]:
    """Guard nothing: commands that ask once."""
    yield
