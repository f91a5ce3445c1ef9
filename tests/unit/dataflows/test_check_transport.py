"""`cali check` tells what would cross a network unencrypted."""

import pytest

from dataflows.check.transport import transport
from dataflows.settings import Settings

TOKEN = "hunter" + "2" * 10


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (
            {"openai": {"base_url": "http://vllm:8000/v1", "api_key": TOKEN}},
            "CALI_OPENAI__BASE_URL (vllm, with credentials)",
        ),
        ({"openai": {"base_url": "http://vllm:8000/v1"}}, "CALI_OPENAI__BASE_URL (vllm)"),
        (
            {"opensearch": {"url": "http://search:9200", "username": "u", "password": TOKEN}},
            "CALI_OPENSEARCH__URL (search, with credentials)",
        ),
        ({"opensearch": {"url": "http://10.0.0.7:9200"}}, "CALI_OPENSEARCH__URL (10.0.0.7)"),
        (
            {"rag": {"milvus_uri": "http://milvus:19530", "milvus_token": TOKEN}},
            "CALI_RAG__MILVUS_URI (milvus, with credentials)",
        ),
        ({"rag": {"milvus_uri": f"http://root:{TOKEN}@milvus"}}, "CALI_RAG__MILVUS_URI (milvus, with credentials)"),
        (
            {"rag": {"embedding_url": "http://tei/v1", "embedding_api_key": TOKEN}},
            "CALI_RAG__EMBEDDING_URL (tei, with credentials)",
        ),
        (
            {"slack": {"webhook_url": f"http://proxy/services/{TOKEN}"}},
            "CALI_SLACK__WEBHOOK_URL (proxy, with credentials)",
        ),
        (
            {"slack": {"webhook_urls": {"#a": f"http://proxy/{TOKEN}"}}},
            "CALI_SLACK__WEBHOOK_URL (proxy, with credentials)",
        ),
        ({"s3": {"endpoint_url": "http://minio:9000"}}, "CALI_S3__ENDPOINT_URL (minio)"),
        ({"kinesis": {"endpoint_url": "http://kinesis:4567"}}, "CALI_KINESIS__ENDPOINT_URL (kinesis)"),
    ],
)
def test_a_plain_address_elsewhere_is_a_warning(given: dict[str, object], expected: str) -> None:
    """Its setting and host are told, and whether credentials go along; no secret."""
    line = transport(Settings(_env_file=None, **given))
    assert ("warn", f"unencrypted: {expected}: use https") == (line.verdict, line.detail)
    assert TOKEN not in line.detail


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.0.1", "localhost", "[::1]"])
def test_this_machine_needs_no_encryption(host: str) -> None:
    """Loopback addresses are no warning; neither is what is not set."""
    url = f"http://{host}:9200"
    line = transport(Settings(_env_file=None, opensearch={"url": url}, openai={"base_url": url, "api_key": TOKEN}))
    assert "ok" == line.verdict


def test_https_is_no_warning() -> None:
    """Everything by https: nothing to tell."""
    given = {"opensearch": {"url": "https://search"}, "rag": {"milvus_uri": "https://milvus"}}
    assert "ok" == transport(Settings(_env_file=None, **given)).verdict
