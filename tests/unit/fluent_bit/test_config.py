"""The configuration as Fluent Bit would check it, and the sums behind its numbers."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from dataflows.domain.resent import GENERATION_S

SHIPPED = Path(__file__).resolve().parents[3] / "fluent-bit"
FILES = sorted(path for path in SHIPPED.rglob("*.yaml") if path.name != "kustomization.yaml")
_UNITS = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3}
_METADATA_BYTES = 8_192
"""Room for what the kubernetes filter adds: labels are at most a few hundred bytes each."""


def _load(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((SHIPPED / name).read_text())
    return loaded


def _bytes(size: str) -> int:
    found = re.fullmatch(r"(\d+)([kmg]?)b?", size.lower())
    assert found is not None, size
    return int(found[1]) * _UNITS[found[2]]


@pytest.fixture(scope="module")
def known() -> dict[str, Any]:
    """The documented properties."""
    loaded: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("properties.yaml").read_text())
    return loaded


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(SHIPPED)))
def test_every_property_is_documented(file: Path, known: dict[str, Any]) -> None:
    """Fluent Bit refuses to start on a property that it does not know: there is none, in any section of any file."""
    config = yaml.safe_load(file.read_text())
    unknown = {f"section {name}" for name in config.keys() - known["sections"]}
    unknown |= {f"service {name}" for name in config.get("service", {}).keys() - known["service"]}
    for parser in config.get("parsers", []):
        unknown |= {f"parser {name}" for name in parser.keys() - known["parser"]}
    for parser in config.get("multiline_parsers", []):
        unknown |= {f"multiline parser {name}" for name in parser.keys() - known["multiline_parser"]}
        unknown |= {f"rule {name}" for rule in parser["rules"] for name in rule.keys() ^ known["rule"]}
    for stage, plugins in config.get("pipeline", {}).items():
        for plugin in plugins:
            allowed = {*known[stage]["common"], *known[stage][plugin["name"]]}
            unknown |= {f"{plugin['name']} {name}" for name in plugin.keys() - allowed}

    assert set() == unknown


def test_the_order_of_filters_is_the_one_that_works() -> None:
    """`multiline` comes first, there is one of it, and the header is parsed after JSON was merged away."""
    names = [step["name"] for step in _load("fluent-bit.yaml")["pipeline"]["filters"]]

    assert ["multiline", "kubernetes", "parser", "record_modifier"] == names


def test_the_twin_differs_only_where_a_machine_without_a_cluster_does() -> None:
    """Paths, metadata from file names, endpoint and size of the buffer; the rest is the same."""
    shipped, twin = _load("fluent-bit.yaml"), _load("fluent-bit.local.yaml")
    differing = set()
    for stage in ("inputs", "filters", "outputs"):
        pairs = zip(shipped["pipeline"].pop(stage), twin["pipeline"].pop(stage), strict=True)
        for ours, theirs in pairs:
            differing |= {f"{ours['name']}.{k}" for k in ours.keys() | theirs.keys() if ours.get(k) != theirs.get(k)}
    services = shipped.pop("service"), twin.pop("service")
    differing |= {
        name for name in services[0].keys() | services[1].keys() if services[0].get(name) != services[1].get(name)
    }

    assert shipped == twin
    assert {
        *("http_listen", "http_port", "tail.path", "tail.exclude_path"),
        *("kubernetes.kube_tag_prefix", "kubernetes.use_tag_for_meta"),
        *("kinesis_streams.storage.total_limit_size", "kinesis_streams.endpoint", "kinesis_streams.port"),
        "kinesis_streams.tls.ca_file",
    } == differing


def test_the_largest_joined_record_fits_into_kinesis(engine: Any) -> None:
    """Korean text doubles when JSON escapes it; a record above Kinesis' limit is discarded by the plugin."""
    limit = _bytes(_load("fluent-bit.yaml")["service"]["multiline_buffer_limit"])
    text = "가" * (limit // 3)

    record = engine.wire(engine.Event("2026-11-21T10:00:00.123456789Z", {"log": text}), "@timestamp")

    assert engine.MAX_EVENT_BYTES - _METADATA_BYTES > len(record) > limit


def test_a_chunk_is_sent_again_no_longer_than_cali_remembers() -> None:
    """Retries times the longest pause stay within one generation of the memory for copies."""
    config = _load("fluent-bit.yaml")

    retries, pause_s = config["pipeline"]["outputs"][0]["retry_limit"], config["service"]["scheduler.cap"]

    assert GENERATION_S == retries * pause_s


def test_nothing_is_dropped_without_a_trace() -> None:
    """Buffers are files, what is given up is kept, and no option that Kinesis' output refuses or ignores is set."""
    config = _load("fluent-bit.yaml")
    tail, multiline = config["pipeline"]["inputs"][0], config["pipeline"]["filters"][0]
    output = config["pipeline"]["outputs"][0]

    assert {"filesystem"} == {tail["storage.type"], multiline["emitter_storage.type"]}
    assert (True, True) == (config["service"]["storage.keep.rejected"], config["service"]["health_check"])
    assert ["kinesis_streams"] == [one["name"] for one in config["pipeline"]["outputs"]]
    assert not {"tls", "tls.verify", "log_key", "partition_key"} & output.keys()
    assert re.search(r"%S\.(?:%[3-9]N|%L)", output["time_key_format"])


def test_patterns_hold_nothing_that_fluent_bit_would_replace() -> None:
    """`${` begins a variable anywhere in a configuration; a pattern with it would change silently."""
    assert "${" not in (SHIPPED / "parsers.yaml").read_text()


def test_every_variable_is_explained() -> None:
    """Who deploys it sets variables: the README names each."""
    used = {name for file in FILES for name in re.findall(r"\$\{(\w+)\}", file.read_text())}
    explained = set(re.findall(r"`(\w+)`", (SHIPPED / "README.md").read_text()))

    assert set() == used - explained
