"""Reads a source as `cali replay` does."""

from collections.abc import Callable
from pathlib import Path

import pytest

from connectors.s3 import S3Config
from dataflows.replay.account import Account
from dataflows.replay.files import Origin, read

Reading = Callable[[Path], tuple[list[Origin], Account]]


@pytest.fixture
def reading() -> Reading:
    """The records of a source, and its books."""

    def run(source: Path) -> tuple[list[Origin], Account]:
        account = Account()
        return list(read(str(source), S3Config(), account)), account

    return run
