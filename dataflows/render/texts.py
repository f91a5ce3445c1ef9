"""The catalogues by language."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from dataflows.render.catalogue import Texts
from dataflows.render.texts_en import EN
from dataflows.render.texts_ko import KO

CATALOGUES: Final[Mapping[str, Texts]] = MappingProxyType({"en": EN, "ko": KO})


def texts(language: str) -> Texts:
    """The catalogue of a language (`en` or `ko`). Raises ValueError for any other."""
    found = CATALOGUES.get(language)
    if found is None:
        msg = f"no texts for language {language!r}: use one of {', '.join(CATALOGUES)}"
        raise ValueError(msg)
    return found
