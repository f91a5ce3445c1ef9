"""Metrics of the dataflow, declared once. Labels come from closed enums only: never a fingerprint, never a message."""

import time

from prometheus_client import Counter, Gauge, Histogram


class Since(Gauge):
    """Seconds since something last happened, worked out when it is scraped: a dead man's switch."""

    def __init__(self, name: str, documentation: str) -> None:
        super().__init__(name, documentation)
        self._last = time.monotonic()
        self.set_function(self.seconds)

    def beat(self) -> None:
        """It has happened now. Cheap."""
        self._last = time.monotonic()

    def seconds(self) -> float:
        """Since the last beat; before the first one since this was made."""
        return time.monotonic() - self._last


PIECES = Counter("cali_pieces_total", "Pieces after unpacking: alarming + below level + rejected.")
BELOW = Counter("cali_pieces_below_level_total", "Pieces below WARN, or CALI's own: they live on in the archive.")
RESENT = Counter("cali_pieces_resent_total", "Pieces that were sent twice: the copy counts as below.")
OWN = Counter("cali_pieces_own_total", "Pieces of CALI's own pods from WARN up: counted as below, never alerted.")
ALARMING = Counter("cali_pieces_alarming_total", "Pieces at WARN or above.", ["level"])
REJECTED = Counter("cali_pieces_rejected_total", "Pieces in the dead letters.", ["reason"])
DLQ_LIMIT = Counter("cali_dlq_limit_total", "Minutes in which most of the input was rejected.")
BOOKS_TAKEN = Counter("cali_books_taken_total", "Alarming pieces that the sink for OpenSearch took over.")
BOOKS_DRIFT = Gauge(
    "cali_books_drift", "Left side less right side of an identity, over all minutes that drifted.", ["identity"]
)
BOOKS_MINUTES = Counter(
    "cali_books_minutes_total", "Minutes of arrival that were closed: balanced or drifted.", ["outcome"]
)
SINCE_READ = Since("cali_seconds_since_last_read", "Since Kinesis last answered a read, also with nothing.")
SINCE_BATCH = Since("cali_seconds_since_last_batch", "Since triage last finished a batch.")
DUPLICATE_KEYS = Counter("cali_pieces_duplicate_keys_total", "Alarming pieces with a key twice: the last value won.")
REDACTIONS = Counter("cali_redactions_total", "Secrets and personal data masked.", ["kind"])
BORDER = Counter("cali_border_hits_total", "Secrets first found in an outbound body, and masked.", ["to", "kind"])
CAPPED = Counter(
    "cali_fingerprints_capped_total", "Records of new faults beyond the cap, by what they fell back to.", ["to"]
)

RULES_RELOADS = Counter(
    "cali_rules_reloads_total", "Versions of the rules file found, the first included, by outcome.", ["outcome"]
)
RULES_REFUSED = Gauge("cali_rules_refused", "1 while the rules file on disk is not what is in force.")
DECISIONS = Counter("cali_alert_decisions_total", "What was decided for a record or an alert, by reason.", ["reason"])
LATE = Counter("cali_late_records_total", "Records older than the open window of their fault, or of a closed one.")
OPEN_FAULTS = Gauge("cali_open_faults", "Faults with an open episode.")
EVICTED = Counter(
    "cali_faults_evicted_total", "Episodes cut short, and resolved faults forgotten: there were too many."
)

EXPLANATIONS = Counter("cali_explanations_total", "Alerts explained.", ["source", "verdict"])
EXPLAIN_OVERFLOW = Counter("cali_explain_overflow_total", "Alerts sent unexplained: too many waited.")
EXPLAIN_FAILED = Counter("cali_explain_failed_total", "Explanations that raised: a bug, told in the log.")

GATHERED = Gauge("cali_alerts_gathered", "Alerts that wait for the next digest of their channel.")

MESSAGES = Counter("cali_messages_total", "What became of alerts.", ["status"])
MESSAGE_FAULTS = Counter("cali_message_faults_total", "Posts that failed and are tried again.", ["outcome"])
LEDGER_FAULTS = Counter(
    "cali_ledger_faults_total", "Accepted messages that could not be noted: a restart may repeat them."
)
OUTBOX = Gauge("cali_outbox_messages", "Alerts not yet delivered.")
FIRST_ALERT_SECONDS = Histogram(
    "cali_first_alert_seconds",
    "From Kinesis accepting a fault's first record to Slack accepting its alert.",
    buckets=(0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300),
)
