"""k8s/base against the Bytewax chart: the same variables, ports and recovery settings, and what the chart lacks."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from dataflows.domain.own import LABEL, VALUE
from dataflows.settings import variables

ROOT = Path(__file__).resolve().parents[3]
WAXCTL = ROOT / "k8s" / "waxctl"
RENDERED = ROOT.parent / "shared" / "tools" / "k8s" / "bytewax-0.8.1-cali.yaml"
"""The chart 0.8.1, rendered with values for CALI. Beside the checkout, if at all."""
_NOT_OURS = {
    "RUST_LOG": "logs librdkafka, which is not used",
    "BYTEWAX_OTLP_URL": "names a collector that nobody runs; CALI has metrics",
    "BYTEWAX_KEEP_CONTAINER_ALIVE": "would put a shell between the signal and the page",
}


@pytest.fixture(scope="module")
def values() -> dict[str, Any]:
    """Our values of the chart."""
    loaded: dict[str, Any] = yaml.safe_load((WAXCTL / "chart-values.yaml").read_text())
    return loaded


@pytest.fixture(scope="module")
def chart() -> dict[str, Any]:
    """The chart's StatefulSet as it was rendered."""
    if not RENDERED.exists():
        pytest.skip(f"{RENDERED.name} is not beside the checkout: the chart's own rendering cannot be compared")
    (found,) = [entry for entry in yaml.safe_load_all(RENDERED.read_text()) if entry["kind"] == "StatefulSet"]
    return dict(found["spec"])


def _process(spec: dict[str, Any]) -> dict[str, Any]:
    (found,) = [entry for entry in spec["template"]["spec"]["containers"] if entry["name"] == "process"]
    return dict(found)


def _names(container: dict[str, Any]) -> set[str]:
    return {entry["name"] for entry in container["env"] if not entry["name"].startswith(("CALI_", "AWS_"))}


def test_the_variables_are_the_charts(render: Any, chart: dict[str, Any]) -> None:
    """The process has every variable that the chart gives it, but for three with a reason, and no other."""
    base = render("base").process()
    assert _names(_process(chart)) - set(_NOT_OURS) == _names(base)


def test_the_init_container_has_the_charts_and_knows_its_pod(render: Any, chart: dict[str, Any]) -> None:
    """The partitions' folder and number have the chart's names; ours is also told which pod it is, of how many."""
    (init,) = [entry for entry in chart["template"]["spec"]["initContainers"] if entry["name"] == "init-recovery"]
    read = {"BYTEWAX_RECOVERY_PARTS", "BYTEWAX_RECOVERY_DIRECTORY"}

    assert read < _names(init)
    assert read | {"BYTEWAX_POD_NAME", "BYTEWAX_REPLICAS"} == _names(render("base").init())


def test_ports_and_places_are_the_charts(render: Any, chart: dict[str, Any]) -> None:
    """Ports, and the folders of recovery store, host file and dataflow.json, are where the chart has them."""
    base, theirs = render("base").process(), _process(chart)
    environment = render("base").environment(base)
    given = {entry["name"]: entry.get("value") for entry in theirs["env"]}

    assert {"process": 9999, "api": 3030} == {entry["name"]: entry["containerPort"] for entry in base["ports"]}
    assert theirs["ports"] == [{"name": n, "containerPort": p} for n, p in (("process", 9999), ("api", 3030))]
    for name in ("BYTEWAX_RECOVERY_DIRECTORY", "BYTEWAX_HOSTFILE_PATH", "BYTEWAX_DATAFLOW_API_CACHE_PATH"):
        assert given[name] == environment[name]


def test_the_charts_defects_are_mended(render: Any, chart: dict[str, Any]) -> None:
    """Each defect is in the chart, and is not in k8s/base."""
    theirs, ours = chart["template"]["spec"], render("base").one("StatefulSet")["spec"]["template"]["spec"]

    def defects(pod: dict[str, Any]) -> set[str]:
        containers = [*pod.get("initContainers", []), *pod["containers"]]
        process = next(entry for entry in containers if entry["name"] == "process")
        claims = [entry for entry in pod["volumes"] if "persistentVolumeClaim" in entry]
        found = {
            "no probes": "livenessProbe" not in process,
            "too little time to stop": pod["terminationGracePeriodSeconds"] < 60,
            "images without a tag": any(":" not in entry["image"] for entry in containers if entry["image"] != "cali"),
            "a container without security context": any("securityContext" not in entry for entry in containers),
            "a needless capability": any(
                "add" in entry.get("securityContext", {}).get("capabilities", {}) for entry in containers
            ),
            "a shell between": "-c" in process["command"],
            "one volume for all pods": bool(claims),
        }
        return {name for name, there in found.items() if there}

    assert 7 == len(defects(theirs))
    assert set() == defects(ours)


def test_our_values_say_what_base_says(render: Any, values: dict[str, Any]) -> None:
    """Workers, partitions, intervals, storage, memory, user and settings are the same in the values and in k8s/base."""
    rendered = render("base")
    environment = rendered.environment(rendered.process()) | rendered.environment(rendered.init())
    configured, recovery = values["configuration"], values["configuration"]["recovery"]
    spec = rendered.one("StatefulSet")["spec"]
    (claim,) = [entry["spec"] for entry in spec["volumeClaimTemplates"]]

    assert {
        "BYTEWAX_REPLICAS": str(configured["processesCount"]),
        "BYTEWAX_WORKERS_PER_PROCESS": str(configured["workersPerProcess"]),
        "BYTEWAX_RECOVERY_PARTS": str(recovery["partsCount"]),
        "BYTEWAX_SNAPSHOT_INTERVAL": str(recovery["snapshotInterval"]),
        "BYTEWAX_RECOVERY_BACKUP_INTERVAL": str(recovery["backupInterval"]),
        "BYTEWAX_DATAFLOW_API_PORT": str(values["api"]["port"]),
    }.items() <= environment.items()
    assert recovery["persistence"] == {
        "storageClassName": claim["storageClassName"],
        "accessModes": claim["accessModes"],
        "size": claim["resources"]["requests"]["storage"],
    }
    assert values["resources"] == rendered.process()["resources"]
    assert values["podSecurityContext"].items() <= spec["template"]["spec"]["securityContext"].items()
    assert values["serviceAccount"]["name"] == spec["template"]["spec"]["serviceAccountName"]
    assert [{"secretRef": {"name": values["envFromSecret"]}}] == rendered.process()["envFrom"][1:]
    given = {name: value for name, value in values["env"].items() if name.startswith("CALI_")}
    assert given.keys() == {name for name in environment if name.startswith("CALI_")} - {"CALI_RULES__PATH"}


def test_our_values_avoid_the_charts_traps(values: dict[str, Any]) -> None:
    """No sidecar, no shell that stays, no capability, the label of our own pods, and settings that exist."""
    known = {name for name, _, _ in variables()}
    assert (False, "true") == (values["api"]["enabled"], values["env"]["BYTEWAX_DATAFLOW_API_ENABLED"])
    assert values["configuration"]["keepAlive"] is False
    assert [] == values["securityContext"]["capabilities"]["add"]
    assert VALUE == values["podLabels"][LABEL]
    assert set() == {name for name in values["env"] if name.startswith("CALI_")} - known
    assert {"envValueFrom", "envRenderSecret", "extraVolumeMounts"}.isdisjoint(values)


def test_waxctl_is_told_the_same(values: dict[str, Any]) -> None:
    """The flags of waxctl and our values name one image, the same numbers and storage; the entry file is there."""
    flags = yaml.safe_load((WAXCTL / "values.yaml").read_text())
    configured, recovery = values["configuration"], values["configuration"]["recovery"]

    assert {
        "name": "cali",
        "namespace": "cali",
        "python-file-name": configured["pythonFileName"],
        "image-repository": values["image"]["repository"],
        "image-tag": values["image"]["tag"],
        "image-pull-policy": values["image"]["pullPolicy"],
        "processes": configured["processesCount"],
        "workers": configured["workersPerProcess"],
        "recovery": recovery["enabled"],
        "recovery-parts": recovery["partsCount"],
        "recovery-snapshot-interval": recovery["snapshotInterval"],
        "recovery-backup-interval": recovery["backupInterval"],
        "recovery-size": recovery["persistence"]["size"],
        "recovery-storageclass": recovery["persistence"]["storageClassName"],
    } == flags
    assert (WAXCTL / configured["pythonFileName"]).exists()
