"""The sink and the queries of the documentation against an OpenSearch-compatible server."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from connectors.opensearch import Doc, OpenSearchConfig, OpenSearchSink, Refused
from connectors.opensearch.client import connect
from connectors.opensearch.setup import install

pytest.importorskip("osmem_server", reason="needs the extra 'demo'")
pytestmark = pytest.mark.slow

PAGE = Path(__file__).resolve().parents[2] / "docs" / "opensearch.md"
_QUERY = re.compile(r"^```text\nGET (?P<path>\S+)\n(?P<body>\{.*?)^```$", re.DOTALL | re.MULTILINE)
QUERIES = [(found["path"], json.loads(found["body"])) for found in _QUERY.finditer(PAGE.read_text(encoding="utf-8"))]


def config_of(url: str, prefix: str) -> OpenSearchConfig:
    """Settings for the server, which has no ISM and no data streams."""
    return OpenSearchConfig(url=url, index_prefix=prefix, lifecycle="none", linger_s=0.05, close_timeout_s=30.0)


def test_the_page_has_queries() -> None:
    """The pattern finds them: records and alerts."""
    assert {"cali-logs-*/_search", "cali-alerts-*/_search"} == {path for path, _ in QUERIES}
    assert len(QUERIES) >= 8


@pytest.mark.parametrize(("path", "body"), QUERIES, ids=range(len(QUERIES)))
def test_every_query_of_the_page_is_taken(opensearch: str, unique: str, path: str, body: dict[str, Any]) -> None:
    """With CALI's mappings each is a valid query: no shard fails."""
    config = config_of(opensearch, unique)
    client = connect(config)
    install(client, config)
    client.close()
    at = "2026-11-21T00:00:00.000Z"
    for index in (f"{unique}-logs-2026.11.21", f"{unique}-alerts-2026.11"):
        document = {"@timestamp": at, "fingerprint": "f", "version": "1", "sent": at, "latency_s": 0.4, "fields": "{}"}
        requests.put(f"{opensearch}/{index}/_doc/a?refresh=true", json=document, timeout=30).raise_for_status()
    answer = requests.post(f"{opensearch}/{path.replace('cali-', f'{unique}-')}", json=body, timeout=30)
    assert (200, 0) == (answer.status_code, answer.json()["_shards"]["failed"])


def test_what_is_repeated_after_a_crash_is_there_once(
    opensearch: str, unique: str, tmp_path: Path, search: Callable[[str], list[dict[str, Any]]]
) -> None:
    """Records that come again after a resume stay one document each; a later version of an alert replaces it."""
    config = config_of(opensearch, unique)
    body = b'{"@timestamp":"2026-11-21T00:00:00.000Z","level":"ERROR"}'
    refused: list[Refused] = []
    records = [Doc(f"{unique}-logs-2026.11.21", f"shard-{number}-0", body) for number in range(20)]
    for attempt in ("waiting", "sent"):
        status = f'{{"@timestamp":"2026-11-21T00:00:00.000Z","status":"{attempt}"}}'.encode()
        alert = Doc(f"{unique}-alerts-2026.11", "alert", status)
        sink = OpenSearchSink(attempt, config, tmp_path / attempt, refused.extend)
        part = sink.build_part("out", "slot-00", None)
        part.write_batch([[*records, alert]])
        part.close()
        assert ([], []) == (refused, part.snapshot()["docs"])
    assert sorted(doc.id for doc in records) == sorted(doc["_id"] for doc in search(f"{unique}-logs-*"))
    assert ["sent"] == [doc["status"] for doc in search(f"{unique}-alerts-*")]
