"""Fingerprints: equal for one fault, different for two, the same for ever."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflows.domain.fingerprint import FP_VERSION, MAX_TEMPLATE, Fingerprinter, fingerprint
from dataflows.domain.redaction import redact
from dataflows.domain.trace.frames import FRAMEWORKS

GOLDEN = Path(__file__).parents[3] / "golden" / "fingerprint" / f"v{FP_VERSION}"
CASES = [case for path in sorted(GOLDEN.glob("*.json")) for case in json.loads(path.read_text(encoding="utf-8"))]

TRACE = """java.lang.IllegalStateException: order 17 is shipped
\tat shop.order.OrderService.cancel(OrderService.java:62)
\tat shop.order.OrderController.delete(OrderController.java:31)
\tat org.springframework.web.servlet.FrameworkServlet.service(FrameworkServlet.java:897)
Caused by: shop.order.Locked: by user 4
\tat shop.order.Locks.take(Locks.java:12)
\t... 20 more"""


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_released_version_is_frozen(case: dict[str, object]) -> None:
    """A released version gives every golden message the fingerprint it always had."""
    got = fingerprint(str(case["message"]), str(case["service"]))._asdict()
    assert case["expected"] == json.loads(json.dumps(got))


def test_golden_files_are_there() -> None:
    """The frozen examples cover traces and messages, so that an empty folder cannot pass."""
    assert {"trace", "message"} == {case["expected"]["kind"] for case in CASES}


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.replace("\n", "\\n").replace("\t", "\\t"),
        lambda text: "\x1b[31m" + text.replace("\n", "\x1b[0m\n"),
        lambda text: "2026-01-02T03:04:05.678Z ERROR [main] s.o.OrderService - boom\n" + text,
        lambda text: text.replace(".java:62)", ".java:64) ~[app.jar!/:1.2]"),
        lambda text: text.replace("order 17", "order 18"),
    ],
    ids=["crlf", "escaped", "ansi", "logger_prefix", "jar_suffix_and_line", "message"],
)
def test_transport_and_values_do_not_count(change: object) -> None:
    """A trace keeps its fingerprint through transports, new line numbers and other values."""
    changed = change(TRACE)  # type: ignore[operator]
    assert fingerprint(TRACE, "order")[:4] == fingerprint(changed, "order")[:4]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (TRACE, TRACE.replace("Locks.take", "Locks.give")),
        (TRACE, TRACE.replace("shop.order.Locked", "shop.order.Expired")),
        ("disk full on volume 3", "disk slow on volume 3"),
        ("upstream answered with status 503", "upstream answered with status 429"),
        ("ORA-00942: failed", "ORA-01017: failed"),
        ("login user=kim", "login tenant=kim"),
        ('{"msg":"refused","owner":"kim"}', '{"msg":"expired","owner":"kim"}'),
        ('{"msg":"refused","status":503}', '{"msg":"refused","status":429}'),
        ("Failed password for kim from 10.1.1.1", "Accepted password for kim from 10.1.1.1"),
        ("Failed password for kim from 10.1.1.1", "Failed password for invalid user kim from 10.1.1.1"),
        ("instruction cache parity error corrected", "data cache parity error corrected"),
        ("session opened for user kim", "session closed for user kim"),
    ],
)
def test_different_faults_differ(one: str, other: str) -> None:
    """Another place, cause, word, status, error code or key is another fault."""
    assert fingerprint(one, "s").fingerprint != fingerprint(other, "s").fingerprint


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("took 12 ms for order 99", "took 9,120 ms for order 4"),
        ("peer 10.1.2.3:443 closed", "peer db.shop.svc:5432 closed"),
        ("open /var/log/a.log failed", "open /tmp/b failed"),
        ("state=ready retries=3", "state=lost retries=0"),
        ("user kim not found", "user lee not found"),
        ('{"msg":"refused","owner":"kim"}', '{"msg":"refused","owner":"lee"}'),
        ("answer status: 200 len: 7", "answer status: 404 len: 19"),
        # In the style of sshd, a supercomputer, ZooKeeper, Windows, a phone, a laptop.
        ("Failed password for kim from 10.1.1.1 port 42 ssh2", "Failed password for git from 10.9.1.1 port 7 ssh2"),
        ("input_userauth_request: invalid user web [preauth]", "input_userauth_request: invalid user admin [preauth]"),
        ("generating core.2275", "generating core.862"),
        ("CE sym 2, at 0x0b85eee0, mask 0x05", "CE sym 20, at 0x1438f9e0, mask 0x40"),
        ("Temperature (41C) exceeds warning threshold", "Temperature (42C) exceeds warning threshold"),
        ("KeeperException for path Path:/brokers", "KeeperException for path Path:/home/kim/.zk"),
        ("Session: 30546173_4261722401 initialized", "Session: 30546354_3247821536 initialized"),
        ("setSteps=1514038440000##7007##548365", "setSteps=1514038500000##7008##5"),
        ("en0: BSSID changed to 5c:50:15:36:bc:03", "en0: BSSID changed to 5c:50:15:4c:18:13"),
    ],
)
def test_equal_faults_are_equal(one: str, other: str) -> None:
    """Numbers, hosts, paths, values of keys and user names vary within one fault."""
    assert fingerprint(one, "s").fingerprint == fingerprint(other, "s").fingerprint


def test_service_counts() -> None:
    """The same message of two services is two faults."""
    assert fingerprint("boom", "a").fingerprint != fingerprint("boom", "b").fingerprint


def test_coarse_survives_a_cut() -> None:
    """A trace cut in its cause keeps the coarse fingerprint, though not the full one."""
    cut = fingerprint("\n".join(TRACE.split("\n")[:4]), "s")
    whole = fingerprint(TRACE, "s")
    assert (whole.coarse, True) == (cut.coarse, whole.fingerprint != cut.fingerprint)


def test_frameworks_are_a_parameter() -> None:
    """A package named as framework no longer tells faults apart."""
    other = Fingerprinter(FRAMEWORKS.extended((), ["shop.order.OrderController."]))
    moved = TRACE.replace("OrderController.delete", "OrderController.remove")
    assert fingerprint(TRACE, "s").fingerprint != fingerprint(moved, "s").fingerprint
    assert other(TRACE, "s").fingerprint == other(moved, "s").fingerprint


def test_own_packages_count_although_they_look_like_a_framework() -> None:
    """A prefix named as the team's own beats the list of frameworks; a word with a slash is part of a path."""
    trace = "a.BException: x\n\tat org.apache.ours.Job.run(Job.java:1)\n\tat shop.Main.main(Main.java:2)"
    moved = trace.replace("Job.run", "Job.walk")
    ours = Fingerprinter(FRAMEWORKS.extended(["org.apache.ours."], []))
    assert fingerprint(trace, "s").fingerprint == fingerprint(moved, "s").fingerprint
    assert ours(trace, "s").fingerprint != ours(moved, "s").fingerprint
    python = 'Traceback (most recent call last):\n  File "/app/vendor/ours/a.py", line 3, in f\nValueError: x'
    both = python.replace("ValueError", '  File "/app/b.py", line 4, in g\nValueError')
    of = Fingerprinter(FRAMEWORKS.extended(["/vendor/ours/"], []))
    assert of(both, "s").fingerprint != of(both.replace("in f", "in h"), "s").fingerprint
    assert fingerprint(both, "s").fingerprint == fingerprint(both.replace("in f", "in h"), "s").fingerprint


def test_redaction_changes_no_fingerprint() -> None:
    """A message redacted before or after has one fingerprint, with and without pseudonyms."""
    text = "user kim.min@example.com from 20.30.40.50:812 refused"
    marks = {fingerprint(body, "s").fingerprint for body in (text, redact(text).text, redact(text, b"k").text)}
    assert 1 == len(marks)


def test_memory_changes_nothing() -> None:
    """A fingerprinter that has forgotten or never seen a message answers alike."""
    seen = [fingerprint(f"a{'b' * (number % 30)}x job failed", "s") for number in range(100)]
    assert seen == [Fingerprinter()(f"a{'b' * (number % 30)}x job failed", "s") for number in range(100)]


@pytest.mark.slow
@pytest.mark.parametrize("seed", ["0", "1", "4242"])
def test_same_in_every_process(seed: str) -> None:
    """Hash randomisation of the interpreter does not reach a fingerprint."""
    program = (
        "import json, sys; from dataflows.domain.fingerprint import fingerprint;"
        "print(json.dumps([fingerprint(m, 's').fingerprint for m in json.load(sys.stdin)]))"
    )
    messages = [*(str(case["message"]) for case in CASES), TRACE]
    run = subprocess.run(
        [sys.executable, "-c", program],
        input=json.dumps(messages),
        env={**os.environ, "PYTHONHASHSEED": seed},
        cwd=GOLDEN.parents[3],
        capture_output=True,
        text=True,
        check=True,
    )
    assert [fingerprint(message, "s").fingerprint for message in messages] == json.loads(run.stdout)


@pytest.mark.slow
def test_the_command_names_the_version() -> None:
    """`cali fingerprint --json` answers with the fingerprint of the default settings and the version of the rules."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("CALI_")}
    run = subprocess.run(
        [Path(sys.executable).with_name("cali"), "fingerprint", "--json"],
        input=json.dumps({"message": TRACE, "service": "s"}) + "\n",
        env=clean,
        capture_output=True,
        text=True,
        check=True,
    )
    expected = {**fingerprint(TRACE, "s")._asdict(), "fp_version": FP_VERSION}
    assert json.loads(json.dumps(expected)) == json.loads(run.stdout)


_LINES = st.sampled_from(
    [
        *TRACE.split("\n"),
        *("Traceback (most recent call last):", '  File "a.py", line 3, in f', "ValueError", " | "),
        *("goroutine 1 [running]:", "panic: x", "main.f(0x1)", "\t/src/a.go:3 +0x1"),
        *("#0 {main}", "at ", "Caused by: ", "(", "", "   0: a::b", "---> ", " ---> A: b", "Next A: b", "[errors]: ["),
        *(
            "thread 'x' panicked at ",
            "a.rs:1:2:",
            "', a.rs:1:2",
            "   --- End of inner exception stack trace ---",
            "A: b",
        ),
        *("  +-+---------------- 1 ----------------", "  + Exception Group Traceback (most recent call last):"),
        *("a.rb:1:in `x': y (Z)", "main.f", "\t/a.go:1", "    at eval (eval at f (a:1:1), x:1:1)", "status 503"),
    ]
)


@given(st.one_of(st.text(), st.lists(st.one_of(_LINES, st.text(max_size=40))).map("\n".join)), st.text(max_size=9))
def test_never_raises_and_is_deterministic(message: str, service: str) -> None:
    """Any text has one fingerprint, of fixed form, whoever computes it."""
    got = fingerprint(message, service)
    assert got == Fingerprinter()(message, service)
    assert (32, 32, True, 1) == (
        len(got.fingerprint),
        len(got.coarse),
        len(got.template) <= MAX_TEMPLATE,
        len(got.template.splitlines() or [""]),
    )


HOSTILE = [
    *(
        "a",
        "(",
        "at ",
        "\n",
        "at (",
        '"',
        "=",
        "\\n",
        "\x1b[",
        "é́",
        "\ud800",
        "[A",
        "1.",
        "a:",
        ":",
        "a::",
        "A.",
        "a.B",
        "a\\",
    ),
    *(
        "=A",
        "AaB ",
        '"Aa',
        "Uncaught A",
        "a.b.C\n",
        "---> ",
        "---> A\n",
        "Next A\\",
        "  | A\n",
        "a, b.rs:",
        "' panicked at ",
    ),
    *(
        "thread 'x' panicked at ",
        "eval at ",
        "at eval (eval at a (",
        "[cause]: ",
        "[errors]: [\n",
        "status ",
        "error is ",
    ),
    *("ERROR 1 (23000) ", "error=A", "code=", "SQLSTATE[", "main.f\n\t/a.go:3\n", "---> (Inner Exception #1) A: b\n"),
    *(
        "a.rb:1:in `x': y (Z)\n",
        "(A)",
        "-",
        "---- 1 ",
        "UnhandledError: ",
        "panic: ",
        "\\",
        '\\"',
        "\\\\n",
        "\\n\\tat ",
    ),
    *("    +---------------- 2 ----------------\n", 'Traceback (most recent call last):\n  File "a", line 1\nA\n'),
]


@pytest.mark.parametrize("unit", HOSTILE)
def test_hostile_input_is_bounded(unit: str) -> None:
    """100 KB of one unit is a message like any other: what lies beyond the cap cannot change it."""
    text = unit * (100_000 // len(unit))
    assert fingerprint(text, "s") == fingerprint(text[: 64 * 1024] + "tail", "s")


@pytest.mark.parametrize("unit", HOSTILE)
def test_hostile_lines_are_cheap(unit: str) -> None:
    """64 KB of one unit in lines of 1,000 characters, before a frame: 50 ms measured at most, so one second never."""
    flat = unit.replace("\n", " ")
    lines = [flat * (1_000 // len(flat)) + str(number) for number in range(64)]
    started = time.process_time()
    Fingerprinter()("\n".join(lines) + "\n\tat a.b.c(D.java:1)", "s")
    assert time.process_time() - started < 1
