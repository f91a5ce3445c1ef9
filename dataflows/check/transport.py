"""What would cross a network unencrypted."""

from collections.abc import Iterator
from ipaddress import ip_address
from urllib.parse import urlsplit

from dataflows.check.line import Line
from dataflows.settings import Settings


def transport(settings: Settings) -> Line:
    """Addresses that are plain http and not on this machine: logs, prompts and credentials could be read on the way."""
    bare = [f"{name} ({host}{', with credentials' if secret else ''})" for name, host, secret in _plain(settings)]
    if bare:
        return Line("warn", "transport", f"unencrypted: {'; '.join(bare)}: use https")
    return Line("ok", "transport", "every address is https or on this machine")


def _plain(settings: Settings) -> Iterator[tuple[str, str, bool]]:
    """Name, host, and whether credentials go along, of each address that is unencrypted and elsewhere."""
    slack, rag, openai, search = settings.slack, settings.rag, settings.openai, settings.opensearch
    hooks = [hook.get_secret_value() for hook in (slack.webhook_url, *slack.webhook_urls.values()) if hook is not None]
    addresses: list[tuple[str, str | None, bool]] = [
        # Requests to AWS are signed: the secret key itself does not go along.
        ("CALI_KINESIS__ENDPOINT_URL", settings.kinesis.endpoint_url, False),
        ("CALI_S3__ENDPOINT_URL", settings.s3.endpoint_url, False),
        ("CALI_OPENSEARCH__URL", search.url, search.auth_used == "basic"),
        ("CALI_SLACK__API_URL", slack.api_url if slack.bot_token else None, True),
        *(("CALI_SLACK__WEBHOOK_URL", hook, True) for hook in hooks),  # the address is the secret
        ("CALI_OPENAI__BASE_URL", openai.base_url, openai.api_key is not None),
        ("CALI_RAG__EMBEDDING_URL", rag.embedding_url, rag.embedding_api_key is not None),
        ("CALI_RAG__MILVUS_URI", rag.milvus_uri, rag.milvus_token is not None),
    ]
    for name, url, secret in addresses:
        parts = urlsplit(url or "")
        host = parts.hostname or ""
        if parts.scheme == "http" and not _is_here(host):
            yield name, host, secret or bool(parts.password)


def _is_here(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
