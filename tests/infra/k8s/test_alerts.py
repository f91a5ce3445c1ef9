"""Every alert is about a metric that exists, and has a section in the runbook."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import Counter, Gauge, Histogram

import connectors.metrics
import dataflows.metrics
import rag.metrics

ROOT = Path(__file__).resolve().parents[3]
RUNBOOK = ROOT / "docs" / "runbook.md"
_FOREIGN = {
    "up",  # Prometheus' own
    "process_start_time_seconds",  # prometheus_client's; tests/infra/image/test_entrypoint.py sees it
    "kubelet_volume_stats_available_bytes",
    "kubelet_volume_stats_capacity_bytes",
    "fluentbit_output_dropped_records_total",
    "fluentbit_output_retries_total",
}
_WORDS = re.compile(r"[a-z_][a-z0-9_]*(?=[^a-z0-9_(]|$)")
_TEXTS = re.compile(r'"[^"]*"|\bby \([^)]*\)|\{|\}|[a-z_]+(?==~?")|\b\d+[smhd](:\d+m)?\b')
_OPERATORS = {"or", "and", "unless", "offset", "bool", "max", "min", "sum"}


def _declared() -> set[str]:
    names: set[str] = set()
    for module in (connectors.metrics, dataflows.metrics, rag.metrics):
        for value in vars(module).values():
            if isinstance(value, Counter | Gauge | Histogram):
                (family,) = value.describe()
                suffix = {"counter": "_total", "histogram": "_bucket"}.get(family.type, "")
                names.add(family.name + suffix)
    return names


@pytest.fixture(scope="module")
def alerts(render: Any) -> list[dict[str, Any]]:
    """Every alert of the rule."""
    groups = render("base").one("PrometheusRule")["spec"]["groups"]
    return [rule for group in groups for rule in group["rules"]]


def test_every_metric_exists(alerts: list[dict[str, Any]]) -> None:
    """Each name in an expression is a metric that the code declares, or one of the few others."""
    used = {word for rule in alerts for word in _WORDS.findall(_TEXTS.sub(" ", rule["expr"]))} - _OPERATORS
    assert set() == used - _declared() - _FOREIGN
    assert used & _declared()


def test_every_alert_has_a_section(alerts: list[dict[str, Any]]) -> None:
    """Names are unique, the runbook has exactly these sections, in this order, and each link points to its own."""
    names = [rule["alert"] for rule in alerts]
    sections = re.findall(r"^### (Cali\w+)$", RUNBOOK.read_text(), re.MULTILINE)

    assert len(names) == len(set(names))
    assert names == sections
    assert [f"runbook.md#{name.lower()}" for name in names] == [
        rule["annotations"]["runbook_url"].rpartition("/")[2] for rule in alerts
    ]


def test_every_alert_says_how_bad_and_what(alerts: list[dict[str, Any]]) -> None:
    """Each has a severity of two, and one sentence that says what is the matter."""
    assert {"critical", "warning"} == {rule["labels"]["severity"] for rule in alerts}
    assert [] == [rule["alert"] for rule in alerts if not rule["annotations"]["summary"].endswith(".")]


def test_a_breaker_that_tries_is_not_closed(alerts: list[dict[str, Any]]) -> None:
    """Between two failures a breaker is half-open (1) while a call tries: an alert that waits counts that too."""
    (expression,) = [rule["expr"] for rule in alerts if "cali_breaker_state" in rule["expr"]]
    assert expression.endswith("(cali_breaker_state) > 0")


def test_nothing_to_scrape_is_told(alerts: list[dict[str, Any]]) -> None:
    """`up` of a target that was never found has no value that could be compared: both alerts ask for its absence."""
    told = {rule["alert"] for rule in alerts if "absent(up{" in rule["expr"]}
    assert {"CaliDown", "CaliShipperDown"} == told


def test_prometheus_takes_them(alerts: list[dict[str, Any]], tmp_path: Path) -> None:
    """Prometheus' own tool finds nothing wrong with the expressions."""
    program = shutil.which("promtool")
    if program is None:
        pytest.skip("promtool is not on the path: install Prometheus to check the expressions")
    path = tmp_path / "rules.yaml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "cali", "rules": alerts}]}))
    done = subprocess.run([program, "check", "rules", str(path)], capture_output=True, text=True, check=False)
    assert 0 == done.returncode, done.stdout + done.stderr
