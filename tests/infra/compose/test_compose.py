"""The compose file: what it promises about this machine, and that its parts fit each other."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from dataflows.settings import variables

ROOT = Path(__file__).parents[3]
FILE = ROOT / "docker-compose.yaml"
COMPOSE: dict[str, Any] = yaml.safe_load(FILE.read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
ONCE = {"prepare", "cali-image", "recovery", "seed"}
"""Services that end by themselves; others wait for it."""
NO_CLIENT = {"fluent-bit"}
"""Images that hold nothing that could ask after their health."""
_IMAGE = re.compile(r"[\w./-]+:(?P<tag>v?\d+\.\d+[\w.-]*)")

by_service = pytest.mark.parametrize("name", sorted(SERVICES))


def _environment(name: str) -> dict[str, str]:
    return {key: str(value) for key, value in SERVICES[name].get("environment", {}).items()}


def _needs(name: str) -> dict[str, str]:
    return {other: rule["condition"] for other, rule in SERVICES[name].get("depends_on", {}).items()}


@by_service
def test_ports_are_this_machines_own(name: str) -> None:
    """Nothing is published beyond 127.0.0.1: the emulators and the stand-in ask for no password."""
    assert [] == [port for port in SERVICES[name].get("ports", []) if not port.startswith("127.0.0.1:")]


@by_service
def test_images_have_a_version(name: str) -> None:
    """An image is CALI's own, built here, or one of a full version."""
    image = SERVICES[name]["image"]
    assert image == "cali:local" or _IMAGE.fullmatch(image) is not None


@by_service
def test_services_have_few_rights(name: str) -> None:
    """No service is privileged, shares the host's namespaces, or mounts the Docker socket; none may gain rights."""
    service = SERVICES[name]
    assert [] == [key for key in ("privileged", "pid", "ipc", "userns_mode", "devices") if key in service]
    assert service.get("network_mode", "none") == "none"
    assert "no-new-privileges:true" in service["security_opt"]
    assert [] == [volume for volume in service.get("volumes", []) if "docker.sock" in volume]


@by_service
def test_mounts_of_the_checkout_are_read_only(name: str) -> None:
    """What a container gets of the checkout is there, and it cannot change it."""
    mounts = [volume.split(":") for volume in SERVICES[name].get("volumes", []) if volume.startswith(".")]
    assert [] == [mount for mount in mounts if mount[2:] != ["ro"] or not (ROOT / mount[0]).exists()]


@by_service
def test_volumes_are_declared(name: str) -> None:
    """Every named volume is one of the file's."""
    named = {volume.split(":")[0] for volume in SERVICES[name].get("volumes", []) if not volume.startswith(".")}
    assert set() == named - set(COMPOSE["volumes"])


@by_service
def test_services_wait_for_what_they_need(name: str) -> None:
    """A service waits until those that end have ended well, and others are healthy; `--wait` knows those that end."""
    wanted = {other: "service_completed_successfully" if other in ONCE else "service_healthy" for other in _needs(name)}
    assert wanted == _needs(name)
    assert set() == set(wanted) - set(SERVICES)
    if name in ONCE:
        assert [] != [other for other in SERVICES if name in _needs(other)]


@by_service
def test_services_tell_their_health(name: str) -> None:
    """Everything that goes on running has a health check, but for images that cannot have one."""
    assert ("healthcheck" in SERVICES[name]) == (name not in ONCE | NO_CLIENT | {"generator"})


@by_service
def test_hosts_exist(name: str) -> None:
    """Every address in a service's environment is that of another service, at a port that it listens on."""
    ports = {"aws": "5000", "opensearch": "9200", "milvus": "19530", "slack": "8080"}
    text = "\n".join(_environment(name).values())
    assert set() == set(re.findall(r"https?://([\w-]+:\d+)", text)) - {f"{host}:{port}" for host, port in ports.items()}


@by_service
def test_settings_exist(name: str) -> None:
    """Every `CALI_` variable of a service of CALI's image is a setting: the pipeline refuses others."""
    if SERVICES[name]["image"] != "cali:local":
        pytest.skip("another's image")
    known = {variable for variable, _, _ in variables()}
    assert set() == {key for key in _environment(name) if key.startswith("CALI_")} - known


def test_fluent_bit_finds_its_variables() -> None:
    """The shipper gets each variable of its configuration, reads the generator's folder, and writes CALI's stream."""
    text = (ROOT / "fluent-bit" / "fluent-bit.local.yaml").read_text()
    environment = _environment("fluent-bit")
    assert set() == set(re.findall(r"\$\{(\w+)\}", text)) - set(environment)
    folder = Path(environment["CALI_FB_LOGS"]).parent
    assert SERVICES["generator"]["command"] == [str(folder)]
    assert f"kube.{str(folder).strip('/').replace('/', '.')}." == environment["CALI_FB_TAG_PREFIX"]
    assert {environment["CALI_KINESIS__STREAM"]} == {
        _environment(name)["CALI_KINESIS__STREAM"] for name in ("cali", "seed")
    }


def test_the_shipper_is_the_one_that_is_shipped() -> None:
    """Compose and fluent-bit/Dockerfile run the same image."""
    dockerfile = (ROOT / "fluent-bit" / "Dockerfile").read_text()
    assert f"FROM {SERVICES['fluent-bit']['image']}\n" in dockerfile


def test_the_image_has_what_is_run_in_it() -> None:
    """The variant, the base image and the entry points that compose names are those of the Dockerfile."""
    dockerfile = (ROOT / "Dockerfile").read_text()
    assert f"ARG PYTHON_IMAGE={SERVICES['prepare']['image']}\n" in dockerfile
    assert [] == [arg for arg in SERVICES["cali-image"]["build"]["args"] if f"ARG {arg}=" not in dockerfile]
    entrypoints = [SERVICES[name]["entrypoint"][1] for name in ("recovery", "cali")]
    assert [] == [path for path in entrypoints if f"k8s/image/{Path(path).name}" not in dockerfile]


def test_folders_are_prepared() -> None:
    """Every volume that a service without rights writes to is handed to its user before."""
    prepared = {volume.split(":")[0] for volume in SERVICES["prepare"]["volumes"]}
    written = {
        volume.split(":")[0]
        for service in SERVICES.values()
        if service.get("user") == "65532:65532"
        for volume in service.get("volumes", [])
        if not volume.startswith(".") and not volume.endswith(":ro")
    }
    assert set() == written - prepared


def test_it_is_valid_compose() -> None:
    """The file matches the schema of the Compose specification."""
    if shutil.which("check-jsonschema") is None:
        pytest.skip("check-jsonschema is not on the path (a wheel of that name has it)")
    command = ["check-jsonschema", "--builtin-schema", "vendor.compose-spec", str(FILE)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (0, "") == (done.returncode, "" if done.returncode == 0 else done.stdout + done.stderr)


def test_docker_takes_it() -> None:
    """Docker Compose itself reads the file, where it is installed."""
    asked = shutil.which("docker") and subprocess.run(
        ["docker", "compose", "version"], capture_output=True, check=False
    )
    if not asked or asked.returncode != 0:
        pytest.skip("docker compose is not installed")
    done = subprocess.run(
        ["docker", "compose", "-f", str(FILE), "--profile", "localstack", "config", "--quiet"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (0, "") == (done.returncode, "" if done.returncode == 0 else done.stderr)
