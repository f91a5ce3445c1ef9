"""What Terraform hands to Kubernetes, laid over k8s/ as a person would."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from dataflows.settings import variables

ROOT = Path(__file__).parents[3]
TREE = ROOT / "terraform"
ACCOUNT = "210987654321"
PLACEHOLDER = "123456789012"
GIVEN = {
    "environment": "dev",
    "account_id": ACCOUNT,
    "region": "eu-central-1",
    "availability_zones": ["eu-central-1a", "eu-central-1b"],
    "admin_principal_arns": [f"arn:aws:iam::{ACCOUNT}:role/platform"],
}
_MADE = {
    "ecr": {"urls": {"cali": f"{ACCOUNT}.dkr.ecr.eu-central-1.amazonaws.com/cali"}},
    "eks": {"name": "cali-dev"},
    "iam": {
        "role_arns": {
            role: f"arn:aws:iam::{ACCOUNT}:role/cali-dev-{role}"
            for role in ("dataflow", "fluent-bit", "external-secrets", "archive-jobs")
        }
    },
    "kinesis": {"name": "cali-log-stream"},
    "opensearch": {"url": "https://vpc-cali-dev-abc.eu-central-1.es.amazonaws.com"},
    "s3": {"name": f"cali-dev-logs-{ACCOUNT}"},
}
"""What the modules would give out once they are applied."""


@pytest.fixture(scope="module")
def handed(
    terraform_command: None, in_folder: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., tuple[str, str]]:
    """Environment and overlay as `terraform output` prints them: k8s.tf alone, which needs no provider."""

    def make(**more: str) -> tuple[str, str]:
        root = tmp_path_factory.mktemp("handed") / "root"
        root.mkdir()
        for name in ("k8s.tf", "variables.tf"):
            shutil.copy(TREE / name, root)
        (root / "modules").mkdir()
        for name, outputs in _MADE.items():
            (root / "modules" / name).mkdir()
            text = json.dumps({"output": {key: {"value": value} for key, value in outputs.items()}})
            (root / "modules" / name / "outputs.tf.json").write_text(text)
        calls = {name: {"source": f"./modules/{name}"} for name in _MADE}
        (root / "made.tf.json").write_text(json.dumps({"module": calls}))
        (root / "given.auto.tfvars.json").write_text(json.dumps({**GIVEN, **more}))
        terraform = in_folder(root, tmp_path_factory.mktemp("run"), None)
        terraform.run("apply", "-auto-approve", "-input=false", "-no-color")
        return terraform.run("output", "-raw", "k8s_env"), terraform.run("output", "-raw", "k8s_overlay")

    return make


def _rendered(overlay: str, folder: Path) -> list[dict[str, Any]]:
    if not shutil.which("kubectl"):
        pytest.skip("kubectl is not on PATH: it renders the manifests")
    for name in ("k8s", "fluent-bit"):
        shutil.copytree(ROOT / name, folder / name)
    generated = folder / "k8s" / "overlays" / "dev-generated"
    generated.mkdir(exist_ok=True)
    (generated / "kustomization.yaml").write_text(overlay)
    done = subprocess.run(["kubectl", "kustomize", str(generated)], capture_output=True, text=True, check=False)
    assert (0, "") == (done.returncode, done.stderr)
    return [entry for entry in yaml.safe_load_all(done.stdout) if entry]


def _accounts(objects: list[dict[str, Any]]) -> dict[str, str | None]:
    return {
        entry["metadata"]["name"]: entry["metadata"].get("annotations", {}).get("eks.amazonaws.com/role-arn")
        for entry in objects
        if entry["kind"] == "ServiceAccount"
    }


def test_every_line_is_a_setting(handed: Callable[..., tuple[str, str]]) -> None:
    """CALI ends at a name it does not know, so none may be handed to it."""
    env, _ = handed()
    names = {line.split("=", 1)[0] for line in env.splitlines()}
    assert {"AWS_REGION"} == names - {name for name, _, _ in variables()}


def test_no_placeholder_is_left(handed: Callable[..., tuple[str, str]], tmp_path: Path) -> None:
    """Over the overlay the roles, the image, the region and the settings are those of this account."""
    _, overlay = handed()
    objects = _rendered(overlay, tmp_path)
    assert PLACEHOLDER not in yaml.safe_dump_all(objects)
    assert {
        "cali": f"arn:aws:iam::{ACCOUNT}:role/cali-dev-dataflow",
        "cali-secrets": f"arn:aws:iam::{ACCOUNT}:role/cali-dev-external-secrets",
        "cali-fluent-bit": f"arn:aws:iam::{ACCOUNT}:role/cali-dev-fluent-bit",
    } == _accounts(objects)
    regions = [entry["spec"]["provider"]["aws"]["region"] for entry in objects if entry["kind"] == "SecretStore"]
    assert ["eu-central-1"] == regions
    (settings,) = (
        entry["data"]
        for entry in objects
        if entry["kind"] == "ConfigMap" and entry["metadata"]["name"].startswith("cali-settings")
    )
    assert (f"cali-dev-logs-{ACCOUNT}", "cali-log-stream", _MADE["opensearch"]["url"]) == (
        settings["CALI_S3__BUCKET"],
        settings["CALI_KINESIS__STREAM"],
        settings["CALI_OPENSEARCH__URL"],
    )


def test_with_pod_identity_no_pod_names_a_role(handed: Callable[..., tuple[str, str]], tmp_path: Path) -> None:
    """A pod's account has one of the two; the operator of secrets reads the role from an annotation."""
    _, overlay = handed(identity_mode="pod_identity")
    accounts = _accounts(_rendered(overlay, tmp_path))
    role = f"arn:aws:iam::{ACCOUNT}:role/cali-dev-external-secrets"
    assert {"cali": None, "cali-secrets": role, "cali-fluent-bit": None} == accounts
