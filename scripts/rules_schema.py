"""Writes `docs/rules.schema.json`: the JSON Schema of the rules file, for editors.

Run it when tests/unit/dataflows/domain/test_rules_schema.py asks for it.
"""

import json
import sys
from pathlib import Path

from dataflows.domain.rules.model import schema

TARGET = Path(__file__).resolve().parents[1] / "docs/rules.schema.json"


def render() -> str:
    """The file's content."""
    return json.dumps(schema(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    TARGET.write_text(render(), encoding="utf-8")
    print(f"{TARGET.name} written", file=sys.stderr)
