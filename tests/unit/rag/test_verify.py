"""What of a model's answer is shown."""

import pytest

from rag.models import Claim, Document
from rag.verify import MAX_TEXT, Bounds, harmless, inert, risk_of, severity_within, supported

TEXT = """# Bad release

## Mitigation

Run `kubectl rollout undo deployment/NAME`
  to go back. See https://ok.example/x for more.
"""
DOCUMENTS = {"a": Document("a", "Bad release", TEXT)}
QUOTE = "to go back. See https://ok.example/x for more."


def claim(**changes: str) -> Claim:
    """Build a claim that holds, changed as told."""
    base: Claim = {"text": "Go back to the last release.", "doc_id": "a", "quote": QUOTE}
    return {**base, **changes}  # type: ignore[typeddict-item]


def shown(*claims: Claim, hosts: tuple[str, ...] = (), log: str = "") -> list[str]:
    """Texts of the claims that survive as causes."""
    return [kept["text"] for kept in supported(claims, DOCUMENTS, Bounds(log, hosts))]


def test_the_quotation_shown_is_the_runbooks_own_text() -> None:
    """White space and typography may differ in the model's copy; what is kept is the slice, with its section."""
    copied = claim(quote="Run `kubectl rollout undo deployment/NAME` to go back.")
    (kept,) = supported([copied, claim(quote="Run `kubectl rollout undo deployment/OTHER` to go back.")], DOCUMENTS)
    assert ("Run `kubectl rollout undo deployment/NAME`\n  to go back.", "Mitigation") == (
        kept["quote"],
        kept["section"],
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"doc_id": "b"},
        {"doc_id": ""},
        {"quote": ""},
        {"quote": "back"},
        {"quote": "## Mitigation"},
        {"text": ""},
        {"text": "back " * MAX_TEXT},
        {"text": "See https://evil.example/x"},
        {"text": "See evil.example/login"},
        {"text": "See [the docs](javascript://evil)"},
        {"text": "Run `rm -rf /` to go back"},
        {"text": "<!channel> wake up"},
        {"text": "ask @here to go back"},
        {"text": "<@U123> approved it"},
        {"text": "hidden \u202e text"},
    ],
)
def test_a_claim_without_support_is_dropped(changes: dict[str, str]) -> None:
    """Unknown runbook, missing quotation, foreign link, invented command, mention: each alone is enough."""
    assert [] == shown(claim(**changes))


def test_links_and_commands_of_the_runbook_may_be_used() -> None:
    """What the cited runbook itself says can be shown, and not a longer or a shorter address."""
    good = "Go back with `kubectl rollout undo deployment/NAME`, see https://ok.example/x"
    assert [good] == shown(claim(text=good), claim(text=f"{good}yz"), claim(text=good.removesuffix("/x")))
    assert harmless(good, [TEXT], [QUOTE])


def test_allowed_hosts_are_exact() -> None:
    """A host of the settings may be linked by its very name: no subdomain, user name, port or look-alike."""
    texts = [f"Go back, see https://{at}/x" for at in ("in.example", "a.in.example", "in.example@x.y", "in.example:81")]
    assert texts[:1] == shown(*(claim(text=text) for text in texts), hosts=("in.example",))
    assert [] == shown(claim(text=texts[0]))


def test_measured_values_of_the_log_are_for_causes() -> None:
    """A cause may repeat a value of the log with its unit, no bare number; an action neither: logs can be forged."""
    assert [] == shown(claim(text="See whether to go back to 4444."), log="go back to 4444")
    said = claim(text="See whether to go back after 30000 ms.")
    assert [said["text"]] == shown(said, log="timed out after 30000 ms")
    assert [] == supported([said], DOCUMENTS, Bounds("timed out after 30000 ms"), as_actions=True)


@pytest.mark.parametrize(
    ("said", "kind", "text", "expected"),
    [
        ("read_only", "", "Look at the pods.", "read_only"),
        ("read_only", "fix", "Look at the pods.", "reversible"),
        ("read_only", "check", "Restart the pod.", "reversible"),
        ("read_only", "check", "kubectl scale deploy x --replicas=0", "dangerous"),
        ("read_only", "check", "파드를 삭제한다.", "dangerous"),
        ("dangerous", "check", "Look at the pods.", "dangerous"),
        ("harmless!", "check", "Look at the pods.", "reversible"),
    ],
)
def test_a_risk_is_only_raised(said: str, kind: str, text: str, expected: str) -> None:
    """The words of the step decide; a model can make it worse, never better."""
    assert expected == risk_of(said, kind, text)


@pytest.mark.parametrize(
    ("given", "said", "expected"),
    [
        ("error", "error", "error"),
        ("info", "critical", "warning"),
        ("critical", "info", "error"),
        ("error", "odd", "error"),
        ("", "critical", ""),
    ],
)
def test_a_severity_moves_one_step(given: str, said: str, expected: str) -> None:
    """Whatever is said, it is next to what the rules say; of nothing nothing is made."""
    assert expected == severity_within(given, said)


@pytest.mark.parametrize("text", ["<!here> go", "ask @channel", "x\u200by", "javascript:alert(1)", "<https://e.x|y>"])
def test_a_loud_sentence_of_a_runbook_is_not_quoted(text: str) -> None:
    """Mentions, hidden characters and scripts of a hostile runbook are passed over; an ordinary link is not."""
    assert (False, True) == (inert(text), inert("See [the docs](https://ok.example) of `@Transactional`."))
