"""The panels of *Overview*: what happens on the platform, and what people were told."""

from dashboard_parts import ALERTS as ALERT
from dashboard_parts import PROMETHEUS as PROM
from dashboard_parts import RECORDS as LOGS
from dashboard_parts import counted, documents, grouped, lines, now, number, over_time, rows, states

_RATE = "[$__rate_interval]"
_ALERT_COLUMNS = ("last_seen", "severity", "service", "reason", "status", "held", "count", "template", "fingerprint")

OVERVIEW = [
    number(
        "Records read",
        "Everything that came from Kinesis in this range, all levels.",
        "0 means that nobody watches: see Lag, then CALI itself.",
        PROM,
        now("sum(increase(cali_kinesis_records_total[$__range]))"),
    ),
    number(
        "Records from WARN up",
        "What was indexed and judged.",
        "A jump without new faults is a known fault that got louder: see Loudest faults.",
        LOGS,
        over_time(LOGS, "*"),
        calc="sum",
    ),
    number(
        "New faults",
        "Faults that CALI had not known.",
        "Many at once after a release: compare versions in the Service dashboard and consider going back.",
        ALERT,
        over_time(ALERT, "reason:first"),
        calc="sum",
    ),
    number(
        "Messages in Slack",
        "Alerts that became a message of their own.",
        "Above what your people read in a day: add rules or silences (docs/rules.md).",
        ALERT,
        over_time(ALERT, "status:sent"),
        calc="sum",
    ),
    number(
        "Noise reduction",
        "Share of the records from WARN up that needed no message.",
        "It falls when each record is a fault of its own: look for fingerprints that differ by a value.",
        PROM,
        now(
            '1 - sum(increase(cali_messages_total{status="sent"}[$__range]))'
            " / sum(increase(cali_pieces_alarming_total[$__range]))"
        ),
        unit="percentunit",
    ),
    number(
        "Lag",
        "How far the slowest shard is read behind its tip.",
        "Above a minute alerts are late; above ten CaliBehind fires: follow it in docs/runbook.md.",
        PROM,
        now("max(cali_kinesis_behind_milliseconds) / 1000"),
        unit="s",
        limits=(60, 600),
    ),
    lines(
        "Records by level",
        "Indexed records over time.",
        "A wall of ERROR from one moment on: look at Loudest faults for the same moment.",
        LOGS,
        over_time(LOGS, "*", by="level"),
        bars=True,
        width=12,
    ),
    lines(
        "Alerts by reason",
        "What CALI decided to say: first, new_window, regressed, escalated, summary, resolved, digest.",
        "regressed: a repair did not hold. escalated: look at once, it grows. digest: a storm.",
        ALERT,
        over_time(ALERT, "*", by="reason"),
        bars=True,
        width=12,
    ),
    lines(
        "What came in",
        "Pieces a second after unpacking: below WARN, from WARN up, and those nobody could read.",
        "If below WARN stops and the others do not, a log level was changed somewhere.",
        PROM,
        counted(f"sum(rate(cali_pieces_below_level_total{_RATE}))", "below WARN"),
        counted(f"sum(rate(cali_pieces_alarming_total{_RATE}))", "WARN and above"),
        counted(f"sum(rate(cali_pieces_rejected_total{_RATE}))", "dead letters"),
        unit="cps",
    ),
    lines(
        "Dead letters by reason",
        "Pieces that are no records of the wire format; they are kept in S3 and can be replayed.",
        "One reason that rises: a service changed its log format. Mend the format, then `cali replay` them.",
        PROM,
        counted(f"sum by (reason) (increase(cali_pieces_rejected_total{_RATE}))", "{{reason}}"),
        bars=True,
    ),
    lines(
        "Lag by shard",
        "How far each shard is read behind its tip.",
        "One shard alone: a hot partition key. All of them: CALI is slow or Kinesis throttles, see CALI itself.",
        PROM,
        counted("max by (shard) (cali_kinesis_behind_milliseconds) / 1000", "{{shard}}"),
        unit="s",
    ),
    rows(
        "Loudest faults",
        "Which faults have the most records in this range, and where.",
        "Click a fingerprint for its Fault dashboard. Loud and known to be harmless: a rule or a silence.",
        LOGS,
        grouped(LOGS, "*", "fingerprint", "service", span=True),
        ("fingerprint", "service", "Count", "Min", "Max"),
    ),
    states(
        "What became of alerts",
        "sent, waiting, held or dead.",
        "waiting for long: Slack is down or slow. dead: nobody was told, see CaliMessagesDead in docs/runbook.md.",
        ALERT,
        grouped(ALERT, "*", "status"),
        width=6,
    ),
    states(
        "Answers",
        "What the knowledge base said of new faults: match, related or none.",
        "Much `none`: write runbooks for the loudest faults (docs/knowledge_base.md).",
        ALERT,
        grouped(ALERT, "verdict:*", "verdict"),
        width=6,
    ),
    rows(
        "Latest alerts",
        "What CALI said last, held ones too: `held` has the reason.",
        "Start at the newest critical one; click its fingerprint.",
        ALERT,
        documents(ALERT, "*"),
        _ALERT_COLUMNS,
        width=24,
    ),
]
