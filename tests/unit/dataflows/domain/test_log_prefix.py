"""Templates show the message, not what every line of a logger starts with."""

import pytest

from dataflows.domain.fingerprint import fingerprint

MESSAGES = [
    ("auth: | WARNING | auth | app.services.tokens | trace=4bf92f35 | rejected token 17", "rejected token <num>"),
    ("ab12cd34 [traceId=4bf92f35 spanId=00f067] - Slow query: 812 ms", "Slow query: <num> ms"),
    ("main [traceId=4bf92f35 spanId=00f067] - Slow query: 812 ms", "Slow query: <num> ms"),
    ("2026-01-02 03:04:05.678 ERROR 1 --- [exec-1] c.s.o.OrderService : cannot cancel 17", "cannot cancel <num>"),
    ("2026-01-02 03:04:05,678 - app.services.tokens - ERROR - rejected 9", "rejected <num>"),
    ("[ERROR] [http-8080-1] [a1b2c3d4] payment refused", "payment refused"),
    ("E0102 15:04:05.678901 1 reflector.go:178] watch failed: timeout", "watch failed: timeout"),
    ("order-service | ERROR | 2026 | req_id=77 | cannot ship order 9", "cannot ship order <num>"),
    ("Error while reading 9 bytes", "Error while reading <num> bytes"),
    ("timeout: upstream 9 did not answer", "timeout: upstream <num> did not answer"),
    ("config.yaml: not found", "config.yaml: not found"),
    ("java.lang.IllegalStateException: order 17 is shipped", "java.lang.IllegalStateException: order <num> is shipped"),
    ("a | b c", "a | b c"),
    ("17", "<num>"),
    ("ERROR", "ERROR"),
    ("", ""),
]


@pytest.mark.parametrize(("message", "expected"), MESSAGES)
def test_template_starts_at_the_message(message: str, expected: str) -> None:
    """Level, logger, thread and trace id in front are dropped; words that may mean something are not."""
    assert expected == fingerprint(message, "s").template
