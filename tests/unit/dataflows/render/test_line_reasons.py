"""The short reasons in the lines of a digest."""

import pytest

from dataflows.render.catalogue import Texts
from dataflows.render.texts_en import EN
from dataflows.render.texts_ko import KO


@pytest.mark.parametrize("texts", [EN, KO])
def test_no_reason_is_the_beginning_of_another(texts: Texts) -> None:
    """At a glance a fault that was never over is not taken for one that is back after it was resolved."""
    said = list(texts.line_reasons.values())
    assert [] == [(one, other) for one in said for other in said if one != other and other.startswith(one)]
