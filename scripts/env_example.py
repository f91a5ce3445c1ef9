"""Writes `.env.example`: every `CALI_` variable with its description and default, commented out.

Copying the file to `.env` changes nothing until a line is uncommented. Run it when tests/unit/test_docs.py asks for it.
"""

import sys
from pathlib import Path
from textwrap import wrap
from typing import Any

from dataflows.settings import PREFIX, variables

ROOT = Path(__file__).resolve().parents[1]
TARGET = ROOT / ".env.example"
WIDTH = 110

_HEAD = """\
# Settings of CALI. Written by scripts/env_example.py from dataflows/settings.py; a test compares.
# Copy to .env and uncomment what differs from the default; the environment wins over .env.
# A variable that shows no value has none by default: give it one when you uncomment it.
# AWS credentials are not listed: the AWS SDK finds them its own way (role, profile, AWS_* variables).
"""


def render() -> str:
    """The file's content."""
    lines = [_HEAD]
    section = ""
    for variable, description, default in variables():
        group, nested, _ = variable.removeprefix(PREFIX).partition("__")
        if nested and group != section:
            section = group
            lines += ["", f"# --- {group.lower()} ---", ""]
        lines += [f"# {line}" for line in wrap(" ".join(description.split()), WIDTH - 2, break_on_hyphens=False)]
        lines += [f"# {variable}={_shown(default)}", ""]
    return "\n".join(lines).rstrip("\n") + "\n"


def _shown(default: Any) -> str:  # noqa: ANN401 - a setting may have any type
    """A default as the environment would spell it; nothing for what has none, which is every secret."""
    return "" if default is None else str(default)


if __name__ == "__main__":
    TARGET.write_text(render(), encoding="utf-8")
    print(f"{TARGET.name} written", file=sys.stderr)
