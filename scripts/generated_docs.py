"""Writes the parts of the documents that are made from the code: diagrams and the table of metrics.

A part lies between `<!-- generated: NAME -->` and `<!-- end -->`. Run it when tests/unit/test_docs.py asks for it.
"""

import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

from prometheus_client import Counter, Gauge, Histogram

import connectors.metrics
import dataflows.metrics
import rag.metrics
from dataflows.graph import mermaid

ROOT = Path(__file__).resolve().parents[1]
PAGES = ("README.md", "README.ko.md", "docs/architecture.md", "docs/metrics.md")
_PART = re.compile(r"(<!-- generated: (?P<name>\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
_NODE = re.compile(r'^cali\.(?P<step>\w+)\["\w+ \((?P<kind>\w+)\)"\]$', re.MULTILINE)
_EDGE = re.compile(r'^cali\.(?P<up>\w+) -- ".*" --> cali\.(?P<down>\w+)$', re.MULTILINE)

SHOWN = {
    "kinesis_in": "Kinesis Data Stream",
    "archive_out": "S3: every record, raw",
    "triage": "triage: unpack, check, redact, fingerprint",
    "dead_letter_out": "S3: dead letters with their reason",
    "search_out": "OpenSearch: every record from WARN up",
    "throttle": "throttle: one alert a fault and window",
    "correlate": "correlate",
    "explain": "explain",
    "slack_out": "Slack",
    "alerts_out": "OpenSearch: history of alerts",
}
"""What the picture calls a step. Steps that only frame what an output writes are left out of the picture."""


def diagram() -> str:
    """The page, every step of it."""
    return f"```mermaid\n{mermaid()}\n```\n"


def picture() -> str:
    """The page as a newcomer needs it: made from the same graph, without the framing steps."""
    graph = mermaid()
    outputs = {node["step"] for node in _NODE.finditer(graph) if node["kind"] == "output"}
    edges = [(edge["up"], edge["down"]) for edge in _EDGE.finditer(graph)]
    leads_to = {up: {down for u, down in edges if u == up} for up, _ in edges}
    framing = {up: min(downs) for up, downs in leads_to.items() if downs <= outputs and up not in SHOWN}
    lines = ["flowchart LR", '  pods["containers, Fluent Bit"] --> kinesis_in']
    lines += [f'  {step}["{text}"]' for step, text in SHOWN.items()]
    lines += [f"  {up} --> {framing.get(down, down)}" for up, down in edges if up not in framing]
    lines += ['  runbooks["runbooks in Milvus, a model if you have one"] -.-> explain']
    return "```mermaid\n" + "\n".join(lines) + "\n```\n"


def metrics() -> str:
    """A table for each module that declares metrics, in the order of declaration."""
    return "\n".join(_table(module) for module in (connectors.metrics, dataflows.metrics, rag.metrics))


def _table(module: ModuleType) -> str:
    rows = [_row(value) for value in vars(module).values() if isinstance(value, Counter | Gauge | Histogram)]
    path = module.__name__.replace(".", "/")
    return f"## `{path}.py`\n\n| metric | type | labels | meaning |\n|---|---|---|---|\n" + "".join(rows)


def _row(metric: Counter | Gauge | Histogram) -> str:
    (family,) = metric.describe()
    name = f"{family.name}_total" if family.type == "counter" else family.name
    labels = ", ".join(f"`{label}`" for label in metric._labelnames)  # noqa: SLF001 - the only place that tells them
    return f"| `{name}` | {family.type} | {labels} | {family.documentation} |\n"


PARTS: dict[str, Callable[[], str]] = {"diagram": diagram, "picture": picture, "metrics": metrics}


def filled(text: str) -> str:
    """A document with its generated parts made anew."""
    return _PART.sub(lambda part: f"{part[1]}{PARTS[part['name']]()}{part[3]}", text)


if __name__ == "__main__":
    for page in PAGES:
        path = ROOT / page
        path.write_text(filled(path.read_text(encoding="utf-8")), encoding="utf-8")
        print(f"{page} written", file=sys.stderr)
