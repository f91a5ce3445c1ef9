"""What the start of the page may not wait for: the libraries of the explainer, and of clients that are made later."""

import json
import subprocess
import sys
import threading
from concurrent.futures import CancelledError

import pytest

from dataflows.endpoints import _beat, _Unhurried, _warm
from rag.models import Query

HEAVY = ["torch", "transformers", "sentence_transformers", "pymilvus", "bm25s", "scipy", "openai", "boto3", "duckdb"]
_CODE = """
import json, sys
import dataflows.log_intelligence
print(json.dumps(sorted(set(json.loads(sys.argv[1])) & set(sys.modules))))
"""


class Asked:
    """An explainer that knows nothing, and what it was asked."""

    def __init__(self) -> None:
        self.queries: list[Query] = []

    def explain(self, query: Query) -> None:
        self.queries.append(query)


def test_importing_the_page_imports_nothing_heavy() -> None:
    """Packages that take long to import are imported by whoever needs them first."""
    command = [sys.executable, "-c", _CODE, json.dumps(HEAVY)]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    assert [] == json.loads(run.stdout)


def test_the_explainer_is_loaded_once_kinesis_has_answered() -> None:
    """Loading it takes the interpreter's lock for seconds, so the first read goes before it; a question waits, too."""
    reading, may_load = threading.Event(), threading.Event()
    seen: list[tuple[bool, bool]] = []
    asked = Asked()

    def load() -> None:
        seen.append((reading.is_set(), may_load.is_set()))

    warming = threading.Thread(target=_warm, args=(load, reading, may_load))
    asking = threading.Thread(target=_Unhurried(asked, may_load, lambda: False).explain, args=(Query("boom", "api"),))  # type: ignore[arg-type] # a fake
    warming.start()
    asking.start()
    assert ([], []) == (seen, asked.queries)
    _beat(reading)
    warming.join()
    asking.join()

    assert ([(True, True)], [Query("boom", "api")]) == (seen, asked.queries)


def test_a_question_is_given_up_when_the_process_ends() -> None:
    """Python waits for threads as it ends: a question that waits for the start holds nothing up, and loads no model."""
    asked = Asked()
    waiting = _Unhurried(asked, threading.Event(), lambda: True)  # type: ignore[arg-type] # a fake
    with pytest.raises(CancelledError):
        waiting.explain(Query("boom", "api"))
    assert [] == asked.queries
