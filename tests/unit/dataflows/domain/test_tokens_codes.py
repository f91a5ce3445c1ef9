"""Codes that say what happened stay; ids, counts and process ids beside them do not."""

import pytest

from dataflows.domain.fingerprint import fingerprint

DIFFERENT = [
    ("ERROR 1062 (23000): failed", "ERROR 1451 (23000): failed"),
    ("ERROR 1062 (23000): failed", "ERROR 1062 (40001): failed"),
    ("payment failed code=E1001", "payment failed code=E1002"),
    ("failed error code: E1001 at 3", "failed error code: E1002 at 3"),
    ('failed {"code":"E1001"}', 'failed {"code":"E1002"}'),
    ("SQL Error: 1062, SQLState: 23000", "SQL Error: 1063, SQLState: 23000"),
    ("SQL Error: 1062, SQLState: 23000", "SQL Error: 1062, SQLState: 40001"),
    ("SQLSTATE[42S02]: no such table", "SQLSTATE[42S22]: no such table"),
    ("deadlock detected (SQLSTATE 40P01)", "deadlock detected (SQLSTATE 40001)"),
    ("SQLCODE=-803, SQLSTATE=23505", "SQLCODE=-911, SQLSTATE=23505"),
    ("connect failed errno 111", "connect failed errno 110"),
    ("[Errno 111] connect failed", "[Errno 13] connect failed"),
    ("connect failed errno=111", "connect failed errno=110"),
    ("response status is 503 after 3 ms", "response status is 429 after 3 ms"),
    ("got status code of 503", "got status code of 429"),
    ('"GET /a/3 HTTP/1.1" 502 11', '"GET /a/3 HTTP/1.1" 429 11'),
    ("http_status=503", "http_status=500"),
    ("container exited with exit code 1", "container exited with exit code 2"),
    ("connect ECONNREFUSED 10.1.1.1:80", "connect ECONNRESET 10.1.1.1:80"),
    ("failed code=ECONNREFUSED", "failed code=ETIMEDOUT"),
    ("rpc failed grpc.code=Unavailable", "rpc failed grpc.code=Internal"),
    ("pod evicted reason=OOMKilled", "pod evicted reason=DiskPressure"),
    *(
        (f"failed {key}={mark}{name}{mark}", f"failed {key}={mark}KeyError{mark}")
        for key in ("key", "error", "reason", "msg", "exc_type")
        for name in ("TimeoutException", "java.net.ConnectException")
        for mark in ("", '"')
    ),
    ('failed error="TimeoutException: 3 ms"', 'failed error="ConnectException: 3 ms"'),
]

EQUAL = [
    ("ERROR 4711 --- [main] c.s.Orders : boom", "ERROR 4712 --- [main] c.s.Orders : boom"),
    ("ERROR 4711: boom", "ERROR 4712: boom"),
    ("found 3 errors in 17 files", "found 4 errors in 18 files"),
    ("error 12 of 40 items", "error 13 of 41 items"),
    ("answer status 200 in 3 ms", "answer status 404 in 4 ms"),
    ("promo code SUMMER2026 refused", "promo code WINTER2025 refused"),
    ("refused code=8812345678", "refused code=8812345679"),
    ("failed msg=a81f-22", "failed msg=b91f-23"),
    ("failed reason=17", "failed reason=18"),
    ("connect failed errno 111 to 10.1.1.1", "connect failed errno 111 to 10.1.1.2"),
    ("SQLSTATE[42S02]: no table 3", "SQLSTATE[42S02]: no table 4"),
    ("failed error=TimeoutException id=3", "failed error=TimeoutException id=4"),
]


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_codes_tell_faults_apart(one: str, other: str) -> None:
    """Another code, type or reason is another fault."""
    assert fingerprint(one, "s").fingerprint != fingerprint(other, "s").fingerprint


@pytest.mark.parametrize(("one", "other"), EQUAL)
def test_numbers_beside_codes_do_not(one: str, other: str) -> None:
    """Process ids, counts and ids vary within one fault, also beside a code."""
    assert fingerprint(one, "s").fingerprint == fingerprint(other, "s").fingerprint


def test_a_kept_code_is_shown() -> None:
    """The template shows the code that told the faults apart."""
    assert "got status code of 503 after <num> ms" == fingerprint("got status code of 503 after 12 ms", "s").template
