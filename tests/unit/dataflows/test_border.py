"""What leaves for Slack is looked at once more."""

import structlog
from prometheus_client import REGISTRY
from pydantic import SecretStr

from dataflows.messengers import Border
from dataflows.settings import RedactionConfig

ADDRESS = "kim" + "@example.com"


def _count(kind: str) -> float:
    return REGISTRY.get_sample_value("cali_border_hits_total", {"to": "slack", "kind": kind}) or 0.0


def test_a_hit_is_masked_counted_and_logged_by_class() -> None:
    """The value is in neither the body nor the log; the class is in both log and counter."""
    before = _count("EMAIL")
    with structlog.testing.capture_logs() as lines:
        clean = Border("slack", RedactionConfig(key=SecretStr("k" * 16)))({"text": f"by {ADDRESS}"})
    assert (False, 1.0) == (ADDRESS in str(clean), _count("EMAIL") - before)
    assert [("border.hit", "EMAIL", False)] == [(line["event"], line["kind"], ADDRESS in str(line)) for line in lines]


def test_lists_of_the_deployment_hold_at_the_border() -> None:
    """What the deployment allows passes, what it denies does not."""
    border = Border("slack", RedactionConfig(allow=(ADDRESS,), deny=("EMP-[0-9]+",)))
    assert {"text": f"{ADDRESS} [DENIED]"} == border({"text": f"{ADDRESS} EMP-7"})
