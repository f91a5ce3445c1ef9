"""The Dockerfile without Docker: what it copies and installs, and what linters say where they are."""

import importlib.util
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]
IMAGE = ROOT / "k8s" / "image"
DOCKERFILE = (ROOT / "Dockerfile").read_text()


def _module(path: Path) -> ModuleType:
    name = f"image_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


@pytest.fixture(scope="session")
def replay() -> Any:
    """The script that replays the build."""
    return _module(ROOT / "scripts" / "build_image_without_docker.py")


@pytest.fixture(scope="session")
def dependencies() -> Any:
    """The script that chooses what a variant installs."""
    return _module(IMAGE / "dependencies.py")


def _copied(replay: Any) -> list[str]:
    words = [rest.split() for keyword, rest in replay.instructions(DOCKERFILE) if keyword == "COPY"]
    return [name for parts in words if not parts[0].startswith("--from") for name in parts[:-1]]


def test_every_copied_path_is_in_the_build(replay: Any) -> None:
    """What COPY names exists, and .dockerignore lets it through."""
    for name in _copied(replay):
        path = ROOT / name
        files = [path] if path.is_file() else [entry for entry in path.rglob("*.*") if "__pycache__" not in str(entry)]
        assert files, name
        assert [] == [str(entry) for entry in files if replay.ignored(entry.relative_to(ROOT).as_posix())]


@pytest.mark.parametrize(
    "path",
    [".env", ".git/config", "tests/conftest.py", "terraform/main.tf", "k8s/base/rules.yaml", "rag/.env", "a.pem"],
)
def test_nothing_else_is_in_the_build(replay: Any, path: str) -> None:
    """.dockerignore keeps all that is not copied away from Docker: secrets, history, tests."""
    assert replay.ignored(path)


def test_no_source_is_in_the_work_directory(replay: Any) -> None:
    """/bytewax has three scripts, none named like a package of CALI's: bytewax.run puts that folder on the path."""
    (line,) = [
        rest for keyword, rest in replay.instructions(DOCKERFILE) if keyword == "COPY" and rest.endswith("/bytewax/")
    ]
    names = {Path(name).name for name in line.split()[:-1]}
    assert {"entrypoint.sh", "entrypoint-recovery.sh", "partitions.py"} == names
    assert ("WORKDIR", "/bytewax") in replay.instructions(DOCKERFILE)


def test_the_image_runs_as_nobody(replay: Any) -> None:
    """The last user is 65532, by number, so that runAsNonRoot can be verified; the entry point has no shell string."""
    steps = replay.instructions(DOCKERFILE)
    assert [f"{replay.USER}:{replay.USER}"] == [rest for keyword, rest in steps if keyword == "USER"]
    assert '["/bin/sh", "/bytewax/entrypoint.sh"]' == steps[-1][1]
    assert "ln -s /bin/bash /venv/bin/sh" in DOCKERFILE


def test_caches_lie_where_it_may_write(replay: Any) -> None:
    """Every folder of the environment that something would write to is below /tmp; no hub is asked; arenas are few."""
    build = replay.Build(Path("/"), {})
    for keyword, rest in replay.instructions(DOCKERFILE):
        if keyword in {"FROM", "ENV"}:
            build.step(keyword, rest)
    folders = {name: value for name, value in build.env.items() if name.endswith(("HOME", "_DIR", "DIR"))}

    assert {"BYTEWAX_WORKDIR"} == {name for name, value in folders.items() if not value.lstrip("/").startswith("tmp")}
    assert ("1", "1", "2") == tuple(
        build.env[name] for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "MALLOC_ARENA_MAX")
    )


def test_variants_differ_by_torch_and_by_the_demo(dependencies: Any) -> None:
    """Slim is full without torch and weights; demo is full with the extra; every one has all else of pyproject.toml."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extra = project["optional-dependencies"]["demo"]
    found = {name: set(dependencies.requirements(project, extra, name)) for name in ("full", "slim", "demo")}
    names = {re.split(r"[^\w.-]", line, maxsplit=1)[0] for line in found["full"] - found["slim"]}

    assert set(project["dependencies"]) < found["full"] == found["demo"] - (set(extra) - found["full"])
    assert {"torch", "sentence-transformers", dependencies.WEIGHTS} == names
    assert set(project["dependencies"]) | set(extra) == found["demo"]
    with pytest.raises(SystemExit, match=r"VARIANT='large': use one of full, slim, demo"):
        dependencies.requirements(project, extra, "large")


def test_only_torch_comes_from_its_own_index(replay: Any) -> None:
    """PyTorch's index lacks most pinned releases of what torch needs, so nothing else may be looked for there."""
    (step,) = [rest for keyword, rest in replay.instructions(DOCKERFILE) if keyword == "RUN" and "--index-url" in rest]
    (install,) = [part.split() for part in step.split("&&") if "pip install" in part]
    assert ("--no-deps", "torch") == (install[install.index("--no-deps")], install[-1])
    assert "import torch" not in step


def test_hadolint_is_content() -> None:
    """No warning of hadolint."""
    _lint("hadolint", ROOT / "Dockerfile")


def test_shellcheck_is_content() -> None:
    """No warning of shellcheck."""
    for path in sorted(IMAGE.glob("*.sh")):
        _lint("shellcheck", path)


def _lint(tool: str, path: Path) -> None:
    program = shutil.which(tool) or shutil.which(tool, path=str(Path(sys.executable).parent))
    if program is None:
        pytest.skip(f"{tool} is not on the path: install it to lint {path.name}")
    done = subprocess.run([program, str(path)], capture_output=True, text=True, check=False)
    assert (0, "") == (done.returncode, done.stdout)
