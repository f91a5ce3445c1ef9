"""The committed dashboards, and a run of the real page to ask them about."""

import json
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from prometheus_client import Counter, Gauge, Histogram

import connectors.metrics
import dataflows.metrics
import rag.metrics

ROOT = Path(__file__).resolve().parents[3]
SCRIPTS = ROOT / "scripts"
DASHBOARDS = ROOT / "k8s" / "grafana" / "dashboards"
FED_S, RATE = 25.0, 60.0
_METRIC = re.compile(r"\b(?:cali|process)_[a-z0-9_]+\b|\bup\b")


@dataclass(frozen=True)
class Board:
    """One committed dashboard."""

    path: Path
    body: dict[str, Any]

    @property
    def panels(self) -> list[dict[str, Any]]:
        """Its panels, in order."""
        panels: list[dict[str, Any]] = self.body["panels"]
        return panels

    def targets(self) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
        """Every query with its panel."""
        for panel in self.panels:
            for target in panel["targets"]:
                yield panel, target

    def variables(self) -> list[dict[str, Any]]:
        """Its variables, their queries read."""
        return [{**entry, "query": json.loads(entry["query"])} for entry in self.body["templating"].get("list", [])]


@pytest.fixture(scope="session")
def metrics_of() -> Callable[[str], set[str]]:
    """Names of metrics in a PromQL expression."""
    return lambda expression: set(_METRIC.findall(expression))


@pytest.fixture(scope="session")
def declared() -> set[str]:
    """Sample names of every metric that the code declares."""
    names: set[str] = set()
    for module in (connectors.metrics, dataflows.metrics, rag.metrics):
        for value in vars(module).values():
            if isinstance(value, Counter | Gauge | Histogram):
                (family,) = value.describe()
                endings = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum")}
                names |= {family.name + ending for ending in endings.get(family.type, ("",))}
    return names


@pytest.fixture(scope="session")
def boards() -> dict[str, Board]:
    """Every committed dashboard by uid."""
    found = [Board(path, json.loads(path.read_text(encoding="utf-8"))) for path in sorted(DASHBOARDS.glob("*.json"))]
    return {board.body["uid"]: board for board in found}


@pytest.fixture(scope="session")
def scripts() -> Iterator[None]:
    """Scripts that import each other can be imported."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(SCRIPTS))
        yield


@pytest.fixture(scope="session")
def queries(scripts: None) -> ModuleType:
    """scripts/dashboard_queries.py."""
    import dashboard_queries  # noqa: PLC0415 - found only with the fixture before

    return sys.modules[dashboard_queries.__name__]


@pytest.fixture(scope="module")  # no longer: it changes the environment that other tests read
def run(scripts: None) -> Iterator[Any]:
    """The page after half a minute of logs, with an OpenSearch-compatible server, and Prometheus where it is."""
    import dashboard_run  # noqa: PLC0415 - likewise

    with dashboard_run.running(FED_S, RATE) as running:
        yield running
