"""What every overlay must hold: security, numbers that agree, settings that exist, and the schema where its tool is."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from dataflows.domain.own import LABEL, VALUE
from dataflows.rulebook import read_rules
from dataflows.settings import variables

ROOT = Path(__file__).resolve().parents[3]
OVERLAYS = ("local", "dev", "prod", "cluster")
SHIPPER = "DaemonSet cali-fluent-bit"
_OPERATORS = ("monitoring.coreos.com/", "external-secrets.io/")


@pytest.fixture(params=OVERLAYS)
def overlay(request: pytest.FixtureRequest, render: Any) -> Any:
    """Each overlay, rendered."""
    return render(f"overlays/{request.param}")


def _containers(pod: dict[str, Any]) -> list[dict[str, Any]]:
    return [*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]]


def test_pods_are_restricted(overlay: Any) -> None:
    """Pod Security's "restricted" would admit every pod of the namespace `cali`, and every root is read-only."""
    for name, pod in overlay.pods().items():
        if name == SHIPPER:
            continue
        for container in _containers(pod):
            security = {**pod["spec"]["securityContext"], **container["securityContext"]}
            assert (True, False, True, ["ALL"], "RuntimeDefault") == (
                security["runAsNonRoot"],
                security["allowPrivilegeEscalation"],
                security["readOnlyRootFilesystem"],
                security["capabilities"]["drop"],
                security["seccompProfile"]["type"],
            ), name
            assert "add" not in security["capabilities"]
        assert {"hostPath"}.isdisjoint(key for volume in pod["spec"]["volumes"] for key in volume), name
        assert {"hostNetwork", "hostPID", "hostIPC"}.isdisjoint(pod["spec"]), name


def test_pods_are_known_as_our_own(overlay: Any) -> None:
    """Each pod has the label by which CALI tells its own records and never alerts on them; no token is mounted."""
    for name, pod in overlay.pods().items():
        assert VALUE == pod["metadata"]["labels"][LABEL], name
        assert pod["spec"]["enableServiceLinks"] is False, name
        assert name == SHIPPER or pod["spec"]["automountServiceAccountToken"] is False


def test_memory_is_bounded_and_cpu_is_not(overlay: Any) -> None:
    """Each container asks for CPU and memory and has a limit of memory; a limit of CPU would only make it late."""
    for name, pod in overlay.pods().items():
        for container in _containers(pod):
            resources = container["resources"]
            assert ({"cpu", "memory"}, {"memory"}) == (set(resources["requests"]), set(resources["limits"])), name


def test_images_are_tagged(overlay: Any) -> None:
    """No image is left to what `latest` happens to be."""
    images = [container["image"] for pod in overlay.pods().values() for container in _containers(pod)]
    assert [] == [image for image in images if not re.search(r":[\w.-]+$|@sha256:\w{64}$", image)]
    assert [] == [image for image in images if image.endswith(":latest")]


def test_settings_exist(overlay: Any) -> None:
    """Every CALI_ name in a ConfigMap, a secret or a container is a setting: an unknown one ends CALI at its start."""
    known = {name for name, _, _ in variables()}
    given = set(overlay.environment(overlay.process())) | set(overlay.environment(overlay.init()))
    for secret in overlay.all("ExternalSecret"):
        given |= {entry["secretKey"] for entry in secret["spec"]["data"]}
    for secret in overlay.all("Secret"):
        given |= set(secret["data"])
    assert set() == {name for name in given if name.startswith("CALI_")} - known


def test_numbers_of_processes_agree(overlay: Any) -> None:
    """Replicas, both BYTEWAX_REPLICAS and the lines of the host file are one number, and partitions are enough."""
    stateful = overlay.one("StatefulSet")
    count = stateful["spec"]["replicas"]
    process, init = overlay.environment(overlay.process()), overlay.environment(overlay.init())
    hosts = overlay.one("ConfigMap", "cali-hosts")["data"]["hostfile.txt"].split()

    assert [str(count)] * 2 == [process["BYTEWAX_REPLICAS"], init["BYTEWAX_REPLICAS"]]
    assert [f"cali-{number}.{stateful['spec']['serviceName']}:9999" for number in range(count)] == hosts
    assert count * int(process["BYTEWAX_WORKERS_PER_PROCESS"]) <= int(init["BYTEWAX_RECOVERY_PARTS"])
    assert process["BYTEWAX_STATEFULSET_NAME"] == stateful["metadata"]["name"]
    assert process["BYTEWAX_RECOVERY_DIRECTORY"] == init["BYTEWAX_RECOVERY_DIRECTORY"]


def test_several_processes_share_no_file(overlay: Any) -> None:
    """Milvus is a server wherever several pods use it: the ingestion's pod is always another one."""
    assert overlay.environment(overlay.process())["CALI_RAG__MILVUS_URI"].startswith("http")


def test_state_outlives_the_pod(overlay: Any) -> None:
    """Recovery store, spool and ledger are on the claimed volume, which is kept; the spool may fill half of it."""
    spec = overlay.one("StatefulSet")["spec"]
    environment = overlay.environment(overlay.process())
    (claim,) = spec["volumeClaimTemplates"]
    (mount,) = [entry for entry in overlay.process()["volumeMounts"] if entry["name"] == claim["metadata"]["name"]]
    size = int(claim["spec"]["resources"]["requests"]["storage"].removesuffix("Gi")) * 2**30

    assert {"whenDeleted": "Retain", "whenScaled": "Retain"} == spec["persistentVolumeClaimRetentionPolicy"]
    for variable in ("BYTEWAX_RECOVERY_DIRECTORY", "CALI_STATE__DIR"):
        assert Path(environment[variable]).is_relative_to(mount["mountPath"])
    assert int(environment["CALI_STATE__SPOOL_MAX_BYTES"]) <= size / 2


def test_what_is_written_is_mounted(overlay: Any) -> None:
    """Every folder that the process writes to is a volume, as the root is read-only; the rules are a whole folder."""
    mounts = {entry["mountPath"]: entry for entry in overlay.process()["volumeMounts"]}
    environment = overlay.environment(overlay.process())

    assert {environment["BYTEWAX_DATAFLOW_API_CACHE_PATH"], "/tmp"} <= set(mounts)  # noqa: S108 - in the container
    assert str(Path(environment["CALI_RULES__PATH"]).parent) in mounts
    assert "subPath" not in mounts[str(Path(environment["CALI_RULES__PATH"]).parent)]


def test_a_stop_has_time(overlay: Any) -> None:
    """The pod has 60 seconds to drain, and probes ask Bytewax's own server at its port."""
    spec = overlay.one("StatefulSet")["spec"]["template"]["spec"]
    process = overlay.process()
    ports = {entry["name"]: entry["containerPort"] for entry in process["ports"]}
    probes = {name: process[f"{name}Probe"]["httpGet"] for name in ("startup", "liveness", "readiness")}

    assert 60 == spec["terminationGracePeriodSeconds"]
    assert {"process": 9999, "api": int(overlay.environment(process)["BYTEWAX_DATAFLOW_API_PORT"])} == ports
    assert {"startup": "/dataflow", "liveness": "/dataflow", "readiness": "/metrics"} == {
        name: probe["path"] for name, probe in probes.items()
    }
    assert {"api"} == {probe["port"] for probe in probes.values()}


def test_selectors_find_their_pods(overlay: Any) -> None:
    """Service, disruption budget and monitor select the dataflow's pods and no others; names go before readiness."""
    labels = {name: pod["metadata"]["labels"] for name, pod in overlay.pods().items()}
    service = overlay.one("Service")
    selectors = [service["spec"]["selector"], overlay.one("PodDisruptionBudget")["spec"]["selector"]["matchLabels"]]
    selectors += [entry["spec"]["selector"]["matchLabels"] for entry in overlay.all("PodMonitor")][-1:]
    for selector in selectors:
        assert ["StatefulSet cali"] == [name for name, given in labels.items() if selector.items() <= given.items()]
    assert ("None", True) == (service["spec"]["clusterIP"], service["spec"]["publishNotReadyAddresses"])


def test_the_cluster_port_is_closed(overlay: Any) -> None:
    """Everything is denied by default, and Bytewax's own port is open to the dataflow's pods only: it runs code."""
    policies = {entry["metadata"]["name"]: entry["spec"] for entry in overlay.all("NetworkPolicy")}
    rules = [rule for rule in policies["cali"]["ingress"] if any(port["port"] == 9999 for port in rule["ports"])]

    assert {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]} == policies["default-deny"]
    assert [[{"podSelector": {"matchLabels": {"app.kubernetes.io/name": "cali-dataflow"}}}]] == [
        rule["from"] for rule in rules
    ]


def test_nothing_secret_is_committed(overlay: Any) -> None:
    """The only Secret in the manifests is that of the stand-ins, with the words that emulators take."""
    assert {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} >= {
        key for secret in overlay.all("Secret") for key in secret["data"]
    }
    assert {"external-secrets.io/v1"} >= {
        entry["apiVersion"] for kind in ("ExternalSecret", "SecretStore") for entry in overlay.all(kind)
    }


@pytest.mark.parametrize("name", ["dev", "prod"])
def test_names_are_those_that_terraform_gives(render: Any, name: str) -> None:
    """Stream, bucket and roles of an overlay are what terraform/ makes for that environment, but for the account."""
    rendered = render(f"overlays/{name}")
    settings = rendered.environment(rendered.process())
    (stream,) = re.findall(
        r'variable "stream_name" \{.*?default\s+= "(.+?)"', (ROOT / "terraform/variables.tf").read_text(), re.DOTALL
    )
    roles = {
        entry["metadata"]["name"]: entry["metadata"]["annotations"]["eks.amazonaws.com/role-arn"].rpartition("/")[2]
        for entry in rendered.all("ServiceAccount")
    }
    assert (stream, f"cali-{name}-logs-123456789012") == (settings["CALI_KINESIS__STREAM"], settings["CALI_S3__BUCKET"])
    assert {
        "cali": f"cali-{name}-dataflow",
        "cali-secrets": f"cali-{name}-external-secrets",
        "cali-fluent-bit": f"cali-{name}-fluent-bit",
    } == roles


def test_a_claim_finds_its_class(overlay: Any) -> None:
    """The claims' StorageClass is shipped: encrypted, made in the pod's zone, able to grow, and kept."""
    (shipped,) = yaml.safe_load_all((ROOT / "k8s" / "storage-class.yaml").read_text())
    (claim,) = overlay.one("StatefulSet")["spec"]["volumeClaimTemplates"]
    assert claim["spec"].get("storageClassName") in {None, shipped["metadata"]["name"]}  # local: the cluster's default
    assert ("true", "WaitForFirstConsumer", True, "Retain") == (
        shipped["parameters"]["encrypted"],
        shipped["volumeBindingMode"],
        shipped["allowVolumeExpansion"],
        shipped["reclaimPolicy"],
    )


@pytest.mark.parametrize("name", ["dev", "prod", "cluster"])
def test_the_shipper_and_the_page_share_a_stream(render: Any, name: str) -> None:
    """Fluent Bit sends to the stream that CALI reads, in the same region; secrets come from that region."""
    rendered = render(f"overlays/{name}")
    page = rendered.environment(rendered.process())
    shipper = rendered.one("ConfigMap", "cali-shipper-settings")["data"]
    shared = ("AWS_REGION", "CALI_KINESIS__STREAM")

    assert {key: page[key] for key in shared} == {key: shipper[key] for key in shared}
    assert page["AWS_REGION"] == page["AWS_DEFAULT_REGION"]  # boto3 reads the latter only
    assert page["AWS_REGION"] == rendered.one("SecretStore")["spec"]["provider"]["aws"]["region"]


def test_the_shipper_is_what_its_notes_say(render: Any) -> None:
    """Name, user, mounts, configuration and probes of Fluent Bit's pod are those of fluent-bit/README.md."""
    rendered = render("overlays/prod")
    pod = rendered.pods()[SHIPPER]["spec"]
    (container,) = pod["containers"]
    (init,) = pod["initContainers"]
    mounts = {entry["name"]: entry for entry in container["volumeMounts"]}
    files = rendered.one("ConfigMap", "cali-fluent-bit")["data"]
    state = rendered.one("ConfigMap", "cali-shipper-settings")["data"]["CALI_FB_STATE"]
    folder = ROOT / "fluent-bit"

    assert {name: (folder / name).read_text() for name in ("fluent-bit.yaml", "parsers.yaml")} == files
    assert f"*_{container['name']}-*" in files["fluent-bit.yaml"]
    assert f"FROM {container['image']}\n" in (folder / "Dockerfile").read_text()
    assert (65532, 0) == (container["securityContext"]["runAsUser"], container["securityContext"]["runAsGroup"])
    assert ("/var/log", True) == (mounts["logs"]["mountPath"], mounts["logs"]["readOnly"])
    assert state == mounts["state"]["mountPath"] == init["volumeMounts"][0]["mountPath"]
    assert ("/api/v2/health", "/") == tuple(
        container[probe]["httpGet"]["path"] for probe in ("readinessProbe", "livenessProbe")
    )
    assert f"http_port: {container['ports'][0]['containerPort']}" in files["fluent-bit.yaml"]


def test_the_rules_are_valid(render: Any, tmp_path: Path) -> None:
    """The rules in the ConfigMap are read by CALI, under a name that stays, so that an edit needs no restart."""
    data = render("overlays/prod").one("ConfigMap", "cali-rules")
    path = tmp_path / "rules.yaml"
    path.write_text(data["data"]["rules.yaml"])

    assert 0 == len(read_rules(path).silences)
    assert "cali-rules" == data["metadata"]["name"]


def test_pod_identity_takes_the_roles_away(render: Any, tmp_path: Path) -> None:
    """With the component no pod's account names a role; the operator of secrets reads that of `cali-secrets` itself."""
    before = [entry for entry in render("overlays/prod").all("ServiceAccount") if "annotations" in entry["metadata"]]
    target = tmp_path / "k8s"
    shutil.copytree(ROOT / "k8s", target)
    shutil.copytree(ROOT / "fluent-bit", tmp_path / "fluent-bit")
    path = target / "overlays" / "prod" / "kustomization.yaml"
    path.write_text(path.read_text() + "components:\n  - ../../components/pod-identity\n")
    done = subprocess.run(["kubectl", "kustomize", str(path.parent)], capture_output=True, text=True, check=True)

    assert {"cali", "cali-secrets", "cali-fluent-bit"} == {entry["metadata"]["name"] for entry in before}
    after = [entry for entry in yaml.safe_load_all(done.stdout) if entry and entry["kind"] == "ServiceAccount"]
    assert ["cali-secrets"] == [entry["metadata"]["name"] for entry in after if entry["metadata"].get("annotations")]


def test_the_move_is_one_that_works(render: Any, partitions: Any, tmp_path: Path) -> None:
    """The job's command is understood, names the volumes that it mounts, and its claims are those of the pods."""
    (job,) = yaml.safe_load_all((ROOT / "k8s" / "move-partitions.yaml").read_text())
    spec = job["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    template = render("overlays/cluster").one("StatefulSet")["spec"]["volumeClaimTemplates"][0]["metadata"]["name"]
    for mount in container["volumeMounts"]:
        folder = tmp_path / mount["mountPath"].lstrip("/")
        folder.mkdir()
        partitions.make(folder, 6, 2, int(mount["name"][1:]))
    moved = [part.replace("/v", f"{tmp_path}/v") if part.startswith("/v") else part for part in container["command"]]
    moved[:2] = [sys.executable, str(ROOT / "k8s" / "image" / "partitions.py")]
    done = subprocess.run(moved, capture_output=True, text=True, check=False)

    assert (0, "3 partitions moved\n", "") == (done.returncode, done.stdout, done.stderr)
    assert [f"{template}-cali-{number}" for number in (0, 1)] == [
        volume["persistentVolumeClaim"]["claimName"] for volume in spec["volumes"]
    ]
    assert ["python", "/bytewax/partitions.py"] == container["command"][:2]
    assert container["image"] == render("overlays/cluster").process()["image"]


def test_the_schema_agrees(overlay: Any, tmp_path: Path) -> None:
    """Every built-in object is valid for Kubernetes 1.32, unknown fields refused."""
    program = shutil.which("kubernetes-validate")
    if program is None:
        pytest.skip("kubernetes-validate is not on the path: install it (pip) to check manifests against the schema")
    path = tmp_path / "objects.yaml"
    core = [entry for entry in overlay.objects if not entry["apiVersion"].startswith(_OPERATORS)]
    path.write_text(yaml.safe_dump_all(core))
    done = subprocess.run([program, "-k", "1.32", "--strict", str(path)], capture_output=True, text=True, check=False)
    assert 0 == done.returncode, done.stdout + done.stderr


_FIELDS = {
    "SecretStore": {"provider"},
    "ExternalSecret": {"refreshInterval", "secretStoreRef", "target", "data"},
    "PodMonitor": {"selector", "podMetricsEndpoints"},
    "PrometheusRule": {"groups"},
}
"""Fields of `spec` that we use of each operator's kind, all in their CRDs."""


def test_custom_resources_are_plain(overlay: Any) -> None:
    """Objects of operators are of four kinds, and have no field but those that their documentation has."""
    custom = [entry for entry in overlay.objects if entry["apiVersion"].startswith(_OPERATORS)]
    for entry in custom:
        assert set(entry["spec"]) == _FIELDS[entry["kind"]]
    for secret in overlay.all("ExternalSecret"):
        store = secret["spec"]["secretStoreRef"]
        assert [store["name"]] == [found["metadata"]["name"] for found in overlay.all(store["kind"])]
        assert secret["spec"]["target"]["name"] == overlay.process()["envFrom"][1]["secretRef"]["name"]
        for entry in secret["spec"]["data"]:
            assert ({"secretKey", "remoteRef"}, {"key", "property"}) == (set(entry), set(entry["remoteRef"]))


def test_helm_values_fit_the_manifests(render: Any) -> None:
    """Milvus is installed where the settings and the NetworkPolicy look for it; Grafana reads the indices by name."""
    values = {path.stem: path.read_text() for path in (ROOT / "k8s" / "helm-values").glob("*.yaml")}
    rendered = render("base")
    milvus, grafana = (yaml.safe_load(values[name]) for name in ("milvus", "grafana"))
    (sources,) = (entry["datasources"] for entry in grafana["datasources"].values())
    policies = [entry for entry in rendered.all("NetworkPolicy") if entry["metadata"]["name"] == "cali"]
    namespaces = set(re.findall(r"kubernetes.io/metadata.name': '(\w+)'", str(policies)))

    assert "--namespace milvus " in values["milvus"]
    assert "http://milvus.milvus.svc:19530" == rendered.environment(rendered.process())["CALI_RAG__MILVUS_URI"]
    assert {"monitoring", "milvus"} == namespaces
    assert (False, True) == (milvus["minio"]["enabled"], milvus["externalS3"]["useIAM"])
    assert ["cali-logs-*", "cali-alerts-*"] == [entry["jsonData"]["database"] for entry in sources[1:]]
    assert 3 == len({entry["uid"] for entry in sources})
