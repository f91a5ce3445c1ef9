"""What a catalogue of texts must hold: every sentence CALI says to people.

Each text is a whole sentence or phrase with named places (`str.format`), so that a language may order them as it must.
Nothing else in `render` holds words.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple


class Counted(NamedTuple):
    """A text that depends on a number: the place `{count}` holds it."""

    one: str
    many: str

    def of(self, count: int, **places: str | int) -> str:
        """The form for this number, filled."""
        return (self.one if count == 1 else self.many).format(count=count, **places)


def always(text: str) -> Counted:
    """One form for every number, as Korean has it."""
    return Counted(text, text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    """One language. A field missing in one catalogue is a type error."""

    title: str
    no_message: str
    digest_title: Counted

    new_fault: str
    again: str
    back: str
    back_some_time: str
    """The time it was away is not known."""
    escalated: Counted
    """`count` records in the window, against a usual number."""
    escalated_without_usual: Counted
    more: Counted
    """Of a summary: `more` came in `duration`; `count` is the total."""
    resolved: Counted
    ongoing: Counted
    started_with: str
    follows: str
    services: str
    """Of a digest: whose alerts are in it."""

    records: Counted
    severity: str
    severities: Mapping[str, str]
    """By `dataflows.domain.rules.Severity`."""
    first_seen: str
    last_seen: str
    quiet_since: str
    unknown_time: str
    seconds: str
    minutes: str
    hours: str
    hours_minutes: str
    days: str
    days_hours: str

    namespace: str
    team: str
    pods: str
    versions: str
    nodes: str
    and_others: str
    """A list that was cut."""
    and_at_least: str
    """A list that was cut, of a list that was cut before."""

    match: str
    related: str
    nothing_found: str
    not_asked: str
    """The knowledge base could not be asked: not the same as having found nothing."""
    not_yet: str
    """Said of a message that may never be updated (incoming webhook)."""
    causes: str
    actions: str
    runbooks: str
    citation: str
    risks: Mapping[str, str]
    """Of an action, by `rag.models.Risk`."""
    by_model: str
    by_quote: str
    asked_before: str
    quoted_because: str
    """`why` no model wrote it."""
    nothing_because: str
    """`why` there is nothing but links."""
    whys: Mapping[str, str]
    """By `rag.models.Why`, those that a card says; the verdict says the others."""
    cents: str
    """US cents, as a number."""
    part_of_a_cent: str
    tokens: Counted
    severity_by_model: str
    similar: str
    incident: str
    incident_resolved: str
    day: str
    months: Sequence[str]
    log: str
    lines_left_out: Counted
    search: str
    """The label of the link to the records in the search index."""

    fingerprint: str
    reason: str
    missing: str
    missing_parts: Mapping[str, str]
    """By `rag.models.Missing`."""
    reasons: Mapping[str, str]
    """By `dataflows.domain.alerts.Reason`, those of an alert."""

    line: str
    """Of a digest."""
    line_note: Counted
    line_note_of: Counted
    """`count` of `total` records are new."""
    line_reasons: Mapping[str, str]
    """As `reasons`, in a word."""
    lines_beyond: Counted
    """Lines that a message could not hold."""
    digest_why: str
