"""The manifests as `kubectl kustomize` renders them, and what stands in the image's folder."""

import importlib.util
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
K8S = ROOT / "k8s"


@dataclass(frozen=True)
class Rendering:
    """One kustomization, rendered."""

    objects: list[dict[str, Any]]

    def one(self, kind: str, name: str = "cali") -> dict[str, Any]:
        """The object of a kind and name; a generated name counts without its hash."""
        found = [
            entry
            for entry in self.objects
            if entry["kind"] == kind and (entry["metadata"]["name"] == name or _base(entry["metadata"]["name"]) == name)
        ]
        assert 1 == len(found), f"{kind} {name}: {len(found)}"
        return found[0]

    def all(self, kind: str) -> list[dict[str, Any]]:
        """Every object of a kind."""
        return [entry for entry in self.objects if entry["kind"] == kind]

    def pods(self) -> dict[str, dict[str, Any]]:
        """Pod templates (metadata and spec) by `Kind name`."""
        out = {}
        for entry in self.objects:
            spec = entry.get("spec", {})
            template = spec.get("jobTemplate", {}).get("spec", spec).get("template")
            if template:
                out[f"{entry['kind']} {entry['metadata']['name']}"] = template
        return out

    def process(self) -> dict[str, Any]:
        """The container of the dataflow."""
        (container,) = self.one("StatefulSet")["spec"]["template"]["spec"]["containers"]
        return dict(container)

    def init(self) -> dict[str, Any]:
        """The container that makes the partitions."""
        (container,) = self.one("StatefulSet")["spec"]["template"]["spec"]["initContainers"]
        return dict(container)

    def environment(self, container: dict[str, Any], pod: str = "cali-0") -> dict[str, str]:
        """Variables of a container in a pod: ConfigMaps, then its own. Secrets are left out."""
        out: dict[str, str] = {}
        for source in container.get("envFrom", []):
            if "configMapRef" in source:
                out |= self.one("ConfigMap", source["configMapRef"]["name"])["data"]
        for entry in container.get("env", []):
            match entry:
                case {"value": value}:
                    out[entry["name"]] = value
                case {"valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}:
                    out[entry["name"]] = pod
                case {"valueFrom": {"configMapKeyRef": {"name": name, "key": key}}}:
                    out[entry["name"]] = self.one("ConfigMap", name)["data"][key]
                case _:
                    pytest.fail(f"{entry} is not understood here")
        return out


def _base(name: str) -> str:
    return name.rsplit("-", 1)[0]


@cache
def _render(folder: Path) -> Rendering:
    done = subprocess.run(["kubectl", "kustomize", str(folder)], capture_output=True, text=True, check=False)
    assert 0 == done.returncode, done.stderr
    return Rendering([entry for entry in yaml.safe_load_all(done.stdout) if entry])


@pytest.fixture(scope="session")
def render() -> Callable[[str], Rendering]:
    """Render a folder below k8s/; a skip without kubectl."""
    if shutil.which("kubectl") is None:
        pytest.skip("kubectl is not on the path: the manifests cannot be rendered")
    return lambda name: _render(K8S / name)


@pytest.fixture(scope="session")
def partitions() -> ModuleType:
    """The image's script as a module."""
    spec = importlib.util.spec_from_file_location("image_partitions", K8S / "image" / "partitions.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
