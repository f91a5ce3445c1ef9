"""The shape of terraform/: what every module has, without any provider."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
TREE = ROOT / "terraform"
MODULES = sorted(path for path in (TREE / "modules").iterdir() if path.is_dir())
ROOTS = [TREE, TREE / "local"]
_BLOCK = re.compile(r'^(?:variable|output) "(\w+)" \{\n(.*?)^\}', re.MULTILINE | re.DOTALL)


def test_every_file_is_formatted(terraform_command: None) -> None:
    """`terraform fmt` would change nothing."""
    done = subprocess.run(
        ["terraform", "fmt", "-check", "-recursive", str(TREE)], capture_output=True, text=True, check=False
    )
    assert (0, "") == (done.returncode, done.stdout)


def test_the_modules_are_those_of_the_architecture() -> None:
    """One module for each part of AWS that CALI uses, and the keys."""
    expected = ["ecr", "eks", "iam", "kinesis", "kms", "opensearch", "s3", "secrets", "vpc"]
    assert expected == [module.name for module in MODULES]


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.name)
def test_a_module_has_its_files_and_tests(module: Path) -> None:
    """The registry's layout, with a test that at least once expects a refusal."""
    wanted = {"main.tf", "variables.tf", "outputs.tf", "versions.tf", "README.md"}
    assert set() == wanted - {path.name for path in module.iterdir()}
    tests = "".join(path.read_text() for path in (module / "tests").glob("*.tftest.hcl"))
    assert "mock_provider" in tests
    assert "expect_failures" in tests


@pytest.mark.parametrize("place", [*MODULES, *ROOTS], ids=lambda place: place.name)
def test_every_place_takes_both_major_versions_of_the_provider(place: Path) -> None:
    """5.100 and 6.x are allowed, 7 is not; Terraform is new enough for S3's own locks."""
    versions = (place / "versions.tf").read_text()
    assert ">= 5.100, < 7.0" in versions
    assert 'required_version = ">= 1.10"' in versions


@pytest.mark.parametrize("place", [*MODULES, *ROOTS], ids=lambda place: place.name)
def test_every_variable_and_output_says_what_it_is(place: Path) -> None:
    """Each has a description, and each variable a type."""
    mute = [
        f"{file.name}: {name}"
        for file in sorted(place.glob("*.tf"))
        for name, body in _BLOCK.findall(file.read_text())
        if "  description ="
        not in body.replace("description  ", "description ").replace("description ", "description ")
        or (file.name == "variables.tf" and not re.search(r"^  type\s+=", body, re.MULTILINE))
    ]
    assert [] == mute


def test_the_state_is_encrypted_and_locked_in_s3() -> None:
    """The lock is an object beside the state; there is no DynamoDB table."""
    backend = (TREE / "backend.tf").read_text()
    assert re.search(r"^\s+encrypt\s+= true$", backend, re.MULTILINE)
    assert re.search(r"^\s+use_lockfile\s+= true$", backend, re.MULTILINE)
    assert "dynamodb_table" not in backend


def test_examples_fit_what_reads_them() -> None:
    """The claim in the example is that of the workflow that pushes images; the state's key names an environment."""
    workflow = (TREE.parent / ".github" / "workflows" / "image.yml").read_text()
    (environment,) = re.findall(r"^    environment: (\S+)$", workflow, re.MULTILINE)
    assert f'"repo:OWNER/NAME:environment:{environment}"' in (TREE / "terraform.tfvars.example").read_text()
    assert re.search(r'^key\s+= "cali/prod/', (TREE / "backend.hcl.example").read_text(), re.MULTILINE)


def test_no_value_of_a_secret_can_be_in_the_state() -> None:
    """Nothing makes a version of a secret, and no variable asks for a value."""
    text = "".join(path.read_text() for path in TREE.rglob("*.tf"))
    assert "aws_secretsmanager_secret_version" not in text
    assert "secret_string" not in text
    assert [] == re.findall(r'variable "\w*(?:password|token|api_key)\w*"', text)


def test_each_check_that_is_left_out_says_why() -> None:
    """A `checkov:skip` without a sentence is no decision."""
    skips = [
        line.strip() for path in TREE.rglob("*.tf") for line in path.read_text().splitlines() if "checkov:skip" in line
    ]
    assert [] == [line for line in skips if not re.fullmatch(r"#checkov:skip=CKV2?_AWS_\d+:[A-Z].{20,}\.", line)]
