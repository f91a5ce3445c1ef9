"""What the start of the page may not wait for: the libraries of the explainer, and of clients that are made later."""

import json
import subprocess
import sys
import threading

from dataflows.endpoints import _beat, _warm

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


def test_the_explainer_is_loaded_once_kinesis_has_answered() -> None:
    """Loading it takes the interpreter's lock for seconds, so the first read goes before it."""
    reading = threading.Event()
    seen: list[bool] = []

    def load() -> None:
        seen.append(reading.is_set())

    thread = threading.Thread(target=_warm, args=(load, reading))
    thread.start()
    _beat(reading)
    thread.join()

    assert [True] == seen
