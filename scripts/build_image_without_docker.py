#!/usr/bin/env python3
"""Replays the Dockerfile's steps below a scratch folder, without Docker, and runs `cali check --offline` there.

    python scripts/build_image_without_docker.py FOLDER [--build-arg NAME=VALUE ...]

RUN, COPY, ENV, ARG and WORKDIR are read from the Dockerfile and carried out with their absolute paths moved below
FOLDER; .dockerignore decides what COPY sees. Not replayed: the base image, users, and layers. As root, the check runs
as the image's user, who may write only below FOLDER/tmp, unless this machine's Python is in a folder closed to others.
Prints the size of each part. Takes minutes and about 3 GB; needs a package index.
"""

import argparse
import fnmatch
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from string import Template

ROOT = Path(__file__).resolve().parents[1]
USER = 65532
"""Of the image; a test compares."""
_PLACES = ("venv", "src", "wheels", "runbooks", "bytewax", "tmp")
"""Top-level folders of the image that steps name; everything else is the machine's own."""
_ABSOLUTE = re.compile(rf"(?<![\w./-])/({'|'.join(_PLACES)})(?=[/:\s\"']|$)")
_CHECKED = {
    "CALI_STATE__DIR": "/tmp/state",  # noqa: S108 - below the scratch folder
    "CALI_RAG__MILVUS_URI": "http://127.0.0.1:19530",
}


@dataclass
class Build:
    """One run through the Dockerfile."""

    scratch: Path
    args: dict[str, str]
    env: dict[str, str] = field(default_factory=dict)
    declared: dict[str, str] = field(default_factory=dict)
    workdir: Path = Path("/")

    def here(self, text: str) -> str:
        """Absolute paths of the image as they are below the scratch folder."""
        return _ABSOLUTE.sub(lambda found: f"{self.scratch}/{found[1]}", text)

    def step(self, keyword: str, rest: str) -> None:
        """Carry out one instruction."""
        match keyword:
            case "FROM":
                self.env, self.declared = {}, {}
            case "ARG":
                name, _, default = rest.partition("=")
                self.declared[name] = self.args.get(name, default.strip('"'))
            case "ENV":
                self._env(rest)
            case "WORKDIR":
                self.workdir = Path(self.here(rest))
                self.workdir.mkdir(parents=True, exist_ok=True)
            case "COPY":
                self._copy(rest)
            case "RUN":
                self._run(rest)
            case "EXPOSE" | "USER" | "ENTRYPOINT":
                pass
            case _:
                msg = f"the Dockerfile has {keyword!r}, which is not replayed: add it here"
                raise SystemExit(msg)

    def _env(self, rest: str) -> None:
        for word in shlex.split(rest):
            name, _, value = word.partition("=")
            self.env[name] = self.here(Template(value).safe_substitute({"PATH": os.defpath, **self.env}))

    def _copy(self, rest: str) -> None:
        words = shlex.split(rest)
        if words[0].startswith("--from="):
            return  # both stages share the scratch folder
        *sources, target = words
        into = Path(self.here(target)) if target.startswith("/") else self.workdir / target
        for name in sources:
            source = ROOT / name
            files = [path for path in ([source] if source.is_file() else source.rglob("*")) if path.is_file()]
            copied = [path for path in files if not ignored(path.relative_to(ROOT).as_posix())]
            if not copied:
                msg = f"COPY {name}: .dockerignore leaves nothing of it"
                raise SystemExit(msg)
            for path in copied:
                to = into / path.name if source.is_file() else into / path.relative_to(source)
                to.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(path, to)

    def _run(self, rest: str) -> None:
        if "useradd" in rest:
            return
        command = self.here(rest)
        print(f"RUN {command[:160]}", file=sys.stderr, flush=True)
        env = {**os.environ, **self.declared, **self.env}
        subprocess.run(["/bin/sh", "-c", command], cwd=self.workdir, env=env, check=True)  # noqa: S603 - our Dockerfile


def instructions(text: str) -> list[tuple[str, str]]:
    """(keyword, rest) of each instruction, continued lines joined, comments left out."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    return [
        (word, rest.strip()) for word, _, rest in (line.partition(" ") for line in joined.splitlines() if line.strip())
    ]


def ignored(path: str) -> bool:
    """Whether .dockerignore keeps a path of the checkout from the build: the last rule that fits decides."""
    verdict = False
    for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines():
        rule = line.strip()
        if not rule or rule.startswith("#"):
            continue
        pattern = rule.removeprefix("!").removeprefix("**/")
        parts = Path(path).parts
        tails = ["/".join(parts[start:]) for start in range(len(parts))] if "**/" in rule else [path]
        heads = [head for tail in tails for head in _heads(tail)]
        if any(fnmatch.fnmatchcase(head, pattern) for head in heads):
            verdict = not rule.startswith("!")
    return verdict


def _heads(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[:end]) for end in range(1, len(parts) + 1)]


def sizes(scratch: Path) -> dict[str, int]:
    """Bytes on disk by part: packages above 20 MB each, the rest together."""
    (packages,) = (scratch / "venv/lib").glob("python3*/site-packages")
    found = {path.name: _size(path) for path in packages.iterdir()}
    large = {name: size for name, size in sorted(found.items(), key=lambda item: -item[1]) if size > 20_000_000}
    return {
        **large,
        "other packages": sum(found.values()) - sum(large.values()),
        "runbooks": _size(scratch / "runbooks"),
        "all": sum(_size(scratch / name) for name in ("venv", "runbooks", "bytewax")),
    }


def _size(path: Path) -> int:
    files = [path] if path.is_file() else path.rglob("*")
    return sum(entry.lstat().st_blocks * 512 for entry in files)


def check(build: Build) -> int:
    """`cali check --offline` as the image's user, from the image's work directory, with nothing but its environment."""
    scratch = build.scratch
    temporary = scratch / "tmp"
    temporary.mkdir(mode=0o777, exist_ok=True)
    temporary.chmod(0o777)
    env = {name: build.here(value) for name, value in {**_CHECKED, **build.env}.items()}
    if build.args.get("VARIANT") == "slim":
        env["CALI_RAG__EMBEDDING_URL"] = "http://127.0.0.1:8000/v1"
    command = [str(scratch / "venv/bin/cali"), "check", "--offline"]
    user = USER if os.getuid() == 0 else None
    groups: list[int] | None = None if user is None else []
    work = scratch / "bytewax"
    try:
        return subprocess.run(  # noqa: S603 - our own command
            command, cwd=work, env=env, check=False, user=user, group=user, extra_groups=groups
        ).returncode
    except PermissionError:
        print("this machine's Python is closed to other users: checked as this one", file=sys.stderr)
        return subprocess.run(command, cwd=work, env=env, check=False).returncode  # noqa: S603 - as above


def main() -> None:
    """Replay, check, measure."""
    parser = argparse.ArgumentParser(description="Replay the Dockerfile below a scratch folder.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--build-arg", action="append", default=[], metavar="NAME=VALUE")
    given = parser.parse_args()
    scratch = given.folder.resolve()
    scratch.mkdir(parents=True)
    build = Build(scratch, dict(word.split("=", 1) for word in given.build_arg))
    for keyword, rest in instructions((ROOT / "Dockerfile").read_text(encoding="utf-8")):
        build.step(keyword, rest)
    status = check(build)
    print(json.dumps({name: round(size / 1e6, 1) for name, size in sizes(scratch).items()}, indent=1))
    sys.exit(status)


if __name__ == "__main__":
    main()
