"""Fluent Bit's configuration and an engine that runs it; both are modules beside this one, which is no package."""

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]
SHIPPED = ROOT / "fluent-bit"
ENV = {"AWS_REGION": "eu-central-1", "CALI_KINESIS__STREAM": "logs", "CALI_CLUSTER": "prod", "CALI_FB_STATE": "/state"}


def _module(path: Path) -> ModuleType:
    name = "fluent_bit_" + path.stem
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None
        assert spec.loader is not None
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


@pytest.fixture(scope="session")
def engine() -> Any:
    """The module `engine`."""
    return _module(Path(__file__).with_name("engine.py"))


@pytest.fixture(scope="session")
def page() -> Any:
    """The world of the flow tests: the real page with its ends in memory."""
    return _module(ROOT / "tests" / "flow" / "conftest.py")


@pytest.fixture(scope="session")
def servers() -> Any:
    """The module that starts servers on loopback."""
    return _module(ROOT / "tests" / "conftest.py")


@pytest.fixture
def shipped(engine: Any) -> Callable[..., Any]:
    """Makes the shipped pipeline; `labels` by pod, as the API server would tell them."""
    return lambda labels=None: engine.Pipeline(SHIPPED / "fluent-bit.yaml", ENV, labels)


@pytest.fixture
def joined(engine: Any, shipped: Callable[..., Any]) -> Callable[..., list[str]]:
    """What becomes of lines that one container prints at once: texts of the records."""
    pipeline = shipped()

    def join(lines: list[str], stream: str = "stdout") -> list[str]:
        multiline = pipeline.joining()
        events = [engine.Event("t", {"stream": stream, "log": line}) for line in lines]
        ended = [event for one in events for event in multiline.append(one)]
        return [event.record["log"].rstrip("\n") for event in (*ended, *multiline.tick())]

    return join
