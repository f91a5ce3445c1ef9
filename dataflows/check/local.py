"""What can be checked without reaching for anything: the installation and the settings."""

import importlib.metadata
import platform
import sys
import tempfile
from pathlib import Path

from dataflows.check.line import Line
from dataflows.domain.rules import RulesError
from dataflows.rulebook import read_rules
from dataflows.settings import Settings
from rag.embed import EmbeddingModelError, present

_PYTHONS = {(3, 11), (3, 12)}
_BYTEWAX = "0.21.1"
"""The version whose recovery the guarantees were measured with (docs/decisions)."""


def python() -> Line:
    """The interpreter and Bytewax."""
    bytewax = importlib.metadata.version("bytewax")
    detail = f"Python {platform.python_version()}, Bytewax {bytewax}"
    if sys.version_info[:2] not in _PYTHONS:
        return Line("FAIL", "python", f"{detail}: use Python 3.11 or 3.12")
    if bytewax != _BYTEWAX:
        return Line("FAIL", "python", f"{detail}: install bytewax=={_BYTEWAX}; recovery is only proved with that")
    return Line("ok", "python", detail)


def state(settings: Settings) -> Line:
    """The folder of the spool and the ledger, or the one it would be made in."""
    folder = wanted = settings.state.dir.absolute()
    try:
        folder = next(path for path in (wanted, *wanted.parents) if path.exists())
        with tempfile.TemporaryFile(dir=folder):
            made = "" if folder == wanted else ", will be made"
    except OSError as err:  # also a name that is too long, or a folder that may not be looked into
        advice = "point CALI_STATE__DIR at a writable folder of the recovery volume"
        return Line("FAIL", "state", f"{folder} cannot be written ({err.strerror}): {advice}")
    return Line("ok", "state", f"{wanted} can be written{made}")


def redaction(settings: Settings) -> Line:
    """The redaction key. Works without, but then two masked values look the same."""
    if settings.redaction.key is None:
        return Line("warn", "redaction", "no key: masked values cannot be told apart; set CALI_REDACTION__KEY")
    return Line("ok", "redaction", "key set")


def weights(settings: Settings) -> Line:
    """The embedding weights, by their place only."""
    if settings.rag.embedding_url:
        return Line("ok", "embedding", "by an embeddings server (not asked offline)")
    try:
        return Line("ok", "embedding", present(settings.rag.embedding_model))
    except EmbeddingModelError as err:
        return Line("FAIL", "embedding", str(err))


def rules(settings: Settings) -> Line:
    """The rules file, read as the page reads it."""
    path = settings.rules.path
    if path is None:
        return Line("ok", "rules", "no file: every fault is told in the default channel")
    try:
        found = read_rules(path)
    except RulesError as err:
        first, *more = err.problems
        rest = f" (and {len(more)} more: cali rules check {path})" if more else ""
        return Line("FAIL", "rules", f"{first}{rest}")
    return Line("ok", "rules", f"{path}: version {found.version}, {len(found.silences)} silences")


def slack(settings: Settings) -> Line:
    """Nothing is ever posted: a check must not alarm anybody."""
    if settings.slack.bot_token is not None:
        return Line("ok", "slack", "bot token set (not tried: a check posts nothing)")
    if settings.slack.webhook_url is None and not settings.slack.webhook_urls:
        advice = "set CALI_SLACK__BOT_TOKEN or CALI_SLACK__WEBHOOK_URL"
        return Line("warn", "slack", f"no bot token and no webhook: alerts go to the terminal; {advice}")
    return Line("ok", "slack", "webhook set (not tried: a check posts nothing)")


def knowledge_is_absent(settings: Settings) -> bool:
    """Whether there is no local knowledge base yet; a check must not make one."""
    uri = settings.rag.milvus_uri
    return uri.endswith(".db") and not Path(uri).expanduser().exists()
