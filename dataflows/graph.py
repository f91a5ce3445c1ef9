"""The page as a picture: Mermaid text, the same at every run; `docs/architecture.md` holds it and a test compares."""

from bytewax.visualize import to_mermaid

from dataflows.log_intelligence import build
from dataflows.replay.page import Collected, unwired
from dataflows.settings import Settings


def mermaid() -> str:
    """The page with no real ends: drawing it opens no connection."""
    settings = Settings.model_construct()
    return str(to_mermaid(build(settings, unwired(settings, iter(()), Collected(settings.language))))).strip()
