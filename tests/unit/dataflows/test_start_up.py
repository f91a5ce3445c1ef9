"""What the start of the page may not wait for: the libraries of the explainer, and of clients that are made later."""

import json
import subprocess
import sys

HEAVY = ["torch", "transformers", "sentence_transformers", "pymilvus", "bm25s", "scipy", "openai", "boto3", "duckdb"]
_CODE = """
import json, sys
import dataflows.log_intelligence
print(json.dumps(sorted(set(json.loads(sys.argv[1])) & set(sys.modules))))
"""


def test_importing_the_page_imports_nothing_heavy() -> None:
    """Packages that take long to import are imported by whoever needs them first."""
    command = [sys.executable, "-c", _CODE, json.dumps(HEAVY)]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    assert [] == json.loads(run.stdout)
