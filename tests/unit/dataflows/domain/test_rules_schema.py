"""The JSON Schema that editors use is what the reader takes."""

import json
import runpy
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[4]
EXAMPLE = (ROOT / "docs/rules.example.yaml").read_text(encoding="utf-8")


def schema() -> Any:
    """As it is in the repository."""
    return json.loads((ROOT / "docs/rules.schema.json").read_text(encoding="utf-8"))


def test_the_schema_is_that_of_the_code() -> None:
    """docs/rules.schema.json is made by scripts/rules_schema.py."""
    made = runpy.run_path(str(ROOT / "scripts/rules_schema.py"))["render"]()
    assert made == (ROOT / "docs/rules.schema.json").read_text(encoding="utf-8"), "run scripts/rules_schema.py"


def test_the_schema_takes_the_example() -> None:
    """An editor finds nothing wrong with the example."""
    example = yaml.load(EXAMPLE, Loader=yaml.BaseLoader)  # noqa: S506 - makes texts only, as YAML 1.2 has times
    jsonschema.validate({**example, "version": 1}, schema())


@pytest.mark.parametrize(
    "wrong",
    [
        {"routes": [{"chanel": "x"}]},
        {"filters": [{"keep": {}, "drop": {"service": "x"}}]},
        {"windows": [{"length": "1d"}]},
        {"severities": [{"severity": "high"}]},
        {"silences": [{"id": "a", "match": {"service": "x"}, "author": "a", "reason": "b"}]},
    ],
)
def test_the_schema_refuses_what_the_reader_does(wrong: dict[str, Any]) -> None:
    """Wrong keys, wrong words and missing keys are marked in the editor already."""
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"version": 1, **wrong}, schema())
