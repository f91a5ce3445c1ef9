"""Checks what is not Python: `make check` runs it.

    python scripts/check_files.py [--root DIR] [--only NAME ...]

Each check is one public tool over all files of its kind. Terraform and kubectl come with no Python package: where one
is absent its check is left out by name. Exit status 1 if a check finds something.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

KUBERNETES = "1.32"
"""Manifests use nothing newer than this version of Kubernetes."""
_SKIPPED = frozenset({".git", ".venv", "node_modules", ".terraform", ".cali", "dist"})
_OWN_KINDS = ("monitoring.coreos.com", "external-secrets.io", "kustomize.config.k8s.io")
"""Kinds of operators: their schemas are not Kubernetes' own."""
_INDENTATION = "{spaces: consistent, indent-sequences: whatever}"
_YAML = f"{{extends: relaxed, rules: {{line-length: disable, indentation: {_INDENTATION}}}}}"


@dataclass(frozen=True)
class Check:
    """One tool over the files of one kind."""

    name: str
    tool: str
    run: Callable[[Path], Iterator[list[str]]]
    """Command lines, without the tool's own name, for the files below a folder."""
    needs: str = ""
    """What is absent where the check is left out, if not the tool itself."""


def files(root: Path, *patterns: str) -> list[str]:
    """Files below a folder by name pattern, without what others installed; in order."""
    found = (path for pattern in patterns for path in root.rglob(pattern) if path.is_file())
    return sorted(str(path) for path in found if not _SKIPPED & set(path.relative_to(root).parts))


def _all_at_once(*words: str, patterns: tuple[str, ...]) -> Callable[[Path], Iterator[list[str]]]:
    def lines(root: Path) -> Iterator[list[str]]:
        if found := files(root, *patterns):
            yield [*words, *found]

    return lines


def _schemas(root: Path) -> Iterator[list[str]]:
    for schema, patterns in (
        ("vendor.compose-spec", ("docker-compose*.yaml",)),
        ("vendor.github-workflows", (".github/workflows/*.yml",)),
        ("vendor.dependabot", (".github/dependabot.yml",)),
    ):
        if found := files(root, *patterns):
            yield ["--builtin-schema", schema, *found]


def _workflows(root: Path) -> Iterator[list[str]]:
    if found := files(root, ".github/workflows/*.yml"):
        yield found


def _audit(root: Path) -> Iterator[list[str]]:
    if (root / ".github").is_dir():
        yield ["--offline", "--quiet", str(root / ".github")]


def _terraform(root: Path) -> Iterator[list[str]]:
    if (root / "terraform").is_dir():
        yield ["fmt", "-check", "-diff", "-recursive", str(root / "terraform")]


def _tests(file: str, *words: str) -> Callable[[Path], Iterator[list[str]]]:
    """A file of tests that need no server, as a check."""

    def lines(root: Path) -> Iterator[list[str]]:
        if (root / file).exists():
            yield ["-q", "-p", "no:cacheprovider", *words, str(root / file)]

    return lines


def _plain_manifests(root: Path) -> Iterator[list[str]]:
    """Objects that are applied as they lie there, by no kustomization: YAML whose first object has a kind."""
    for path in files(root, "airflow/**/*.yaml"):
        try:
            first = next(iter(yaml.safe_load_all(Path(path).read_text(encoding="utf-8"))), None)
        except yaml.YAMLError:  # told by the check of YAML
            continue
        if isinstance(first, dict) and {"apiVersion", "kind"} <= set(first):
            yield ["-k", KUBERNETES, "--strict", path]


def _manifests(root: Path) -> Iterator[list[str]]:
    """Render every kustomization that stands by itself; the schema check follows in the same process."""
    for path in files(root, "k8s/**/kustomization.yaml"):
        if "components" not in Path(path).parts:
            yield ["kustomize", str(Path(path).parent)]


CHECKS = (
    Check("shell scripts", "shellcheck", _all_at_once("--severity=style", patterns=("*.sh", ".ci/run"))),
    Check("Dockerfiles", "hadolint", _all_at_once(patterns=("Dockerfile",))),
    Check("YAML", "yamllint", _all_at_once("--strict", "-d", _YAML, patterns=("*.yaml", "*.yml"))),
    Check("schemas", "check-jsonschema", _schemas),
    Check("workflows", "jactionlint", _workflows),
    Check("workflow security", "zizmor", _audit),
    Check("Terraform", "terraform", _terraform),
    Check(
        *("Terraform names", "pytest"),
        _tests("tests/infra/terraform/test_modules.py", "-k", "test_a_root_is_valid"),
        "terraform, or its provider: see CALI_TF_MIRROR",
    ),
    Check("manifests", "kubectl", _manifests),
    Check("plain manifests", "kubernetes-validate", _plain_manifests),
    Check("Fluent Bit", "pytest", _tests("tests/unit/fluent_bit/test_config.py")),
    Check("DAGs", "pytest", _tests("tests/infra/airflow")),
    Check("dashboards", "pytest", _tests("tests/infra/grafana/test_dashboards.py")),
)


def program(tool: str) -> str | None:
    """Where a tool is: beside this Python, or on the path."""
    return shutil.which(tool, path=str(Path(sys.executable).parent)) or shutil.which(tool)


def run(check: Check, root: Path) -> str | None:
    """What a check found, empty if nothing; None if its tool, or what its tests need, is absent."""
    where = program(check.tool)
    if where is None:
        return None
    found = ""
    for words in check.run(root):
        done = subprocess.run([where, *words], capture_output=True, text=True, check=False, cwd=root)  # noqa: S603 - ours
        if done.returncode:
            found += done.stdout + done.stderr or f"{check.tool} ended with {done.returncode}\n"
        elif check.tool == "pytest" and " passed" not in done.stdout:
            return None
        elif check.tool == "kubectl":
            found += _schema_of(done.stdout, words[-1])
    return found


def _schema_of(rendered: str, folder: str) -> str:
    """What Kubernetes' own schema says against rendered objects."""
    validate = program("kubernetes-validate")
    if validate is None:
        return "kubernetes-validate is absent: pip install kubernetes-validate\n"
    objects: list[dict[str, Any]] = [entry for entry in yaml.safe_load_all(rendered) if entry]
    core = [entry for entry in objects if not entry["apiVersion"].startswith(_OWN_KINDS)]
    with tempfile.NamedTemporaryFile("w", suffix=".yaml", encoding="utf-8") as file:
        yaml.safe_dump_all(core, file)
        file.flush()
        words = [validate, "-k", KUBERNETES, "--strict", file.name]
        done = subprocess.run(words, capture_output=True, text=True, check=False)  # noqa: S603 - ours
    return f"{folder}:\n{done.stdout}{done.stderr}" if done.returncode else ""


def main() -> int:
    """Run the checks; one line each, and what they found."""
    parser = argparse.ArgumentParser(description="Checks what is not Python.")
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parents[1])
    parser.add_argument("--only", nargs="*", choices=[check.name for check in CHECKS], help="these checks alone")
    options = parser.parse_args()
    os.environ["PYTHONWARNINGS"] = "ignore"
    bad = False
    for check in CHECKS:
        if options.only and check.name not in options.only:
            continue
        found = run(check, options.root)
        if found is None:
            print(f"{check.name}: left out, no {check.needs or f'{check.tool} on the path'}")
            continue
        print(f"{check.name}: {'ok' if not found else 'FAILED'} ({check.tool})")
        if found:
            print(found.rstrip())
            bad = True
    return int(bad)


if __name__ == "__main__":
    sys.exit(main())
