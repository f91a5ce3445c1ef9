"""The English catalogue."""

from types import MappingProxyType
from typing import Final

from dataflows.render.catalogue import Counted, Texts

EN: Final = Texts(
    title="{icon} {service}: {template}",
    no_message="(no message)",
    digest_title=Counted("{icon} {count:,} alert in one message", "{icon} {count:,} alerts in one message"),
    new_fault="New fault",
    again="Seen again, in a later window",
    back="Back after {duration}",
    back_some_time="Back after it was resolved",
    escalated=Counted(
        "Escalated: {count:,} record in {duration}, {times}x its usual {usual} per window",
        "Escalated: {count:,} records in {duration}, {times}x its usual {usual} per window",
    ),
    escalated_without_usual=Counted(
        "Escalated: {count:,} record in {duration}", "Escalated: {count:,} records in {duration}"
    ),
    more=Counted(
        "{more:,} more in {duration}, {count:,} record in all", "{more:,} more in {duration}, {count:,} records in all"
    ),
    resolved=Counted("Resolved: {count:,} record over {duration}", "Resolved: {count:,} records over {duration}"),
    ongoing=Counted("Going on: {count:,} record over {duration}", "Going on: {count:,} records over {duration}"),
    started_with="Started with version {version}",
    follows="Seems to follow from {follows}",
    services="From {names}",
    records=Counted("seen once", "seen {count:,} times"),
    severity="severity {severity}",
    severities=MappingProxyType({"critical": "critical", "error": "error", "warning": "warning", "info": "info"}),
    first_seen="first {time}",
    last_seen="last {time}",
    quiet_since="quiet since {time}",
    unknown_time="at an unknown time",
    seconds="{seconds} s",
    minutes="{minutes} min",
    hours="{hours} h",
    hours_minutes="{hours} h {minutes} min",
    days="{days:,} d",
    days_hours="{days:,} d {hours} h",
    namespace="Namespace: {namespace}",
    team="Team: {team}",
    pods="Pods: {names}",
    versions="Versions: {names}",
    nodes="Nodes: {names}",
    and_others="{names} and {count} more",
    and_at_least="{names} and at least {count} more",
    match="A runbook matches ({percent} % sure)",
    related="No runbook matches for sure; these are related",
    nothing_found="No runbook found",
    not_asked="The knowledge base could not be asked",
    not_yet="Sent before the analysis was ready",
    causes="Probable causes",
    actions="What to do",
    runbooks="Runbooks",
    citation="{title}: {section}",
    by_model="written by {model} from the runbooks cited",
    by_quote="quoted from the runbooks cited",
    log="Log (redacted)",
    lines_left_out=Counted("… {count} line left out …", "… {count} lines left out …"),
    search="Search these records",
    fingerprint="Fingerprint {fingerprint} (v{version})",
    reason="Why now: {reason}",
    missing="Missing: {parts}",
    missing_parts=MappingProxyType({"knowledge_base": "knowledge base", "model": "language model"}),
    reasons=MappingProxyType(
        {
            "first": "first seen",
            "new_window": "seen again",
            "regressed": "back after it was resolved",
            "escalated": "far more than usual",
            "summary": "summary of what came since",
            "resolved": "quiet for long enough",
            "digest": "collected to keep the channel readable",
        }
    ),
    line="{icon} {service}: {template} · {note} · {fingerprint}",
    line_note=Counted("{reason}, {count:,} record", "{reason}, {count:,} records"),
    line_note_of=Counted("{reason}, {count:,} more, {total:,} in all", "{reason}, {count:,} more, {total:,} in all"),
    line_reasons=MappingProxyType(
        {
            "first": "new",
            "new_window": "again",
            "regressed": "back",
            "escalated": "escalated",
            "summary": "going on",
            "resolved": "resolved",
            "digest": "digest",
        }
    ),
    lines_beyond=Counted("… and {count:,} more alert in the history", "… and {count:,} more alerts in the history"),
    digest_why="For more on one: cali why, and its fingerprint",
)
