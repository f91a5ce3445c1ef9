"""The committed dashboards fit Grafana's grid, the index templates, the metrics of the code, and the documents."""

import importlib.util
import itertools
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from connectors.opensearch import templates

ROOT = Path(__file__).resolve().parents[3]
MAPPINGS = {"cali-logs": templates.LOGS["properties"], "cali-alerts": templates.ALERTS["properties"]}
FOREIGN = {"up", "process_resident_memory_bytes", "process_cpu_seconds_total"}
"""Prometheus' own, and what prometheus_client tells of every process on Linux."""
MADE_BY_GRAFANA = {"Count", "Min", "Max"}
"""Columns that the plugin names after metrics."""
_FIELD = re.compile(r"(\w+):")
_ROW = re.compile(r"^\| (?P<panel>[^|]+?) \| [^|]+ \| [^|]+ \|$", re.MULTILINE)


def _queries(boards: dict[str, Any]) -> list[tuple[str, dict[str, Any], dict[str, Any]]]:
    return [
        (f"{uid}: {panel['title']}", panel, target)
        for uid, board in boards.items()
        for panel, target in board.targets()
        if target["datasource"]["uid"] in MAPPINGS
    ]


def test_there_are_four(boards: dict[str, Any]) -> None:
    """Overview, Fault, Service and CALI itself; each lies in the file of its uid."""
    assert {"cali-fault", "cali-itself", "cali-overview", "cali-service"} == set(boards)
    assert list(boards) == [board.path.stem for board in boards.values()]


def test_ids_are_unique(boards: dict[str, Any]) -> None:
    """No panel has the number or the title of another, and no query the letter of another in its panel."""
    for board in boards.values():
        for name in ("id", "title"):
            values = [panel[name] for panel in board.panels]
            assert len(values) == len(set(values)), (board.path.name, name)
        for panel in board.panels:
            letters = [target["refId"] for target in panel["targets"]]
            assert len(letters) == len(set(letters)) > 0, panel["title"]


def test_no_panel_covers_another(boards: dict[str, Any]) -> None:
    """Panels lie within the 24 columns and share no cell."""
    for board in boards.values():
        taken: set[tuple[int, int]] = set()
        for panel in board.panels:
            at = panel["gridPos"]
            cells = set(itertools.product(range(at["x"], at["x"] + at["w"]), range(at["y"], at["y"] + at["h"])))
            assert at["x"] + at["w"] <= 24, panel["title"]
            assert set() == taken & cells, (board.path.name, panel["title"])
            taken |= cells


def test_every_field_is_in_the_index_template(boards: dict[str, Any]) -> None:
    """Fields of queries, groups, numbers and the time axis are mapped; groups are keywords, the time axis is a date."""
    for where, _, target in _queries(boards):
        mapping = MAPPINGS[target["datasource"]["uid"]]
        words = set(_FIELD.findall(target["query"]))
        numbers = {metric["field"] for metric in target["metrics"] if "field" in metric}
        groups = {bucket["field"]: bucket["type"] for bucket in target["bucketAggs"]}
        assert set() == (words | numbers | set(groups) | {target["timeField"]}) - set(mapping), where
        for name, kind in groups.items():
            assert {"terms": "keyword", "date_histogram": "date"}[kind] == mapping[name]["type"], (where, name)
        assert set() == {mapping[name]["type"] for name in numbers} - {"date", "float", "long", "integer"}, where


def test_every_column_is_in_the_index_template(boards: dict[str, Any]) -> None:
    """A table shows fields that are mapped, its groups, and the plugin's own columns."""
    for where, panel, target in _queries(boards):
        if panel["type"] != "table":
            continue
        columns = set(panel["transformations"][0]["options"]["include"]["names"])
        groups = {bucket["field"] for bucket in target["bucketAggs"]}
        known = groups | MADE_BY_GRAFANA if groups else set(MAPPINGS[target["datasource"]["uid"]])
        assert set() == columns - known, where
        assert columns == set(panel["transformations"][1]["options"]["indexByName"]), where


def test_variables_ask_for_fields_that_exist(boards: dict[str, Any]) -> None:
    """Each variable is a keyword, and each `$name` in a query is a variable of its dashboard."""
    for uid, board in boards.items():
        names = {variable["name"] for variable in board.variables()}
        for variable in board.variables():
            assert "keyword" == MAPPINGS[variable["datasource"]["uid"]][variable["query"]["field"]]["type"], uid
        used = {
            name
            for _, target in board.targets()
            if "query" in target
            for name in re.findall(r"\$(\w+)", target["query"])
        }
        assert names == used, uid


def test_links_lead_to_dashboards(boards: dict[str, Any]) -> None:
    """Every link of a table cell names a dashboard of ours and sets a variable that this one has."""
    found = {
        (uid, name)
        for board in boards.values()
        for uid, name in re.findall(r"/d/([\w-]+)\?var-(\w+)=", board.path.read_text(encoding="utf-8"))
    }
    assert {(uid, variable["name"]) for uid in boards for variable in boards[uid].variables()} == found


def test_every_metric_exists(boards: dict[str, Any], declared: set[str], metrics_of: Any) -> None:
    """Each name in an expression is a metric that the code declares, or one of the few others."""
    used = {
        name
        for board in boards.values()
        for _, target in board.targets()
        if "expr" in target
        for name in metrics_of(target["expr"])
    }
    assert set() == used - declared - FOREIGN
    assert FOREIGN < used


def test_data_sources_are_provisioned(boards: dict[str, Any]) -> None:
    """Every query names a data source of the Helm values, with its type, and its time axis is the one set there."""
    values = yaml.safe_load((ROOT / "k8s" / "helm-values" / "grafana.yaml").read_text())
    (sources,) = (entry["datasources"] for entry in values["datasources"].values())
    made = {entry["uid"]: entry for entry in sources}
    for board in boards.values():
        for panel, target in board.targets():
            source = made[target["datasource"]["uid"]]
            assert {"type": source["type"], "uid": source["uid"]} == target["datasource"] == panel["datasource"]
            assert source["jsonData"].get("timeField") == target.get("timeField"), panel["title"]


def test_config_maps_are_found_by_the_sidecar(boards: dict[str, Any]) -> None:
    """The kustomization makes one labelled ConfigMap for each dashboard, in the folder that the Helm values ask for."""
    values = yaml.safe_load((ROOT / "k8s" / "helm-values" / "grafana.yaml").read_text())["sidecar"]["dashboards"]
    made = yaml.safe_load((ROOT / "k8s" / "grafana" / "kustomization.yaml").read_text())
    assert {values["label"]: "1"} == made["generatorOptions"]["labels"]
    assert {values["folderAnnotation"]: "CALI"} == made["generatorOptions"]["annotations"]
    assert values["provider"]["foldersFromFilesStructure"]
    files = {name for entry in made["configMapGenerator"] for name in entry["files"]}
    assert {f"dashboards/{uid}.json" for uid in boards} == files


@pytest.mark.parametrize("page", ["docs/dashboards.md", "docs/ko/dashboards.md"])
def test_documents_tell_of_every_panel(boards: dict[str, Any], page: str) -> None:
    """Both pages have a row for each panel, in the order of the dashboards."""
    text = (ROOT / page).read_text(encoding="utf-8")
    rows = [found["panel"] for found in _ROW.finditer(text)]
    order = ("cali-overview", "cali-fault", "cali-service", "cali-itself")
    titles = [panel["title"] for uid in order for panel in boards[uid].panels]
    assert titles == [row for row in rows if row in set(titles)]


def test_committed_files_are_what_the_script_writes(tmp_path: Path) -> None:
    """scripts/dashboards.py writes exactly what is committed."""
    if importlib.util.find_spec("grafana_foundation_sdk") is None:
        pytest.skip("grafana-foundation-sdk is not installed: pip install grafana-foundation-sdk")
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "dashboards.py"), "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (0, "") == (done.returncode, done.stderr)
