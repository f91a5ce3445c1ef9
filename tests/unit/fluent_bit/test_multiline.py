"""The shipped multiline rules: a trace is one record with its header line, and a crash is never filed under INFO."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

HEAD = "2026-11-21 10:00:00,123 ERROR [main] orders - could not place the order"
CALM = "2026-11-21 10:00:01,123 INFO [main] orders - next"

TRACES = {
    "java": """\
org.springframework.dao.DataAccessException: no
\tat com.acme.A.b(A.java:7) ~[classes/:1.2]
\tSuppressed: java.io.IOException: closed
\t\tat com.acme.C.d(C.java:1)
Caused by: java.sql.SQLException: gone
\t... 12 common frames omitted""",
    "java inner class": "feign.FeignException$ServiceUnavailable: [503] during [GET]\n\tat com.acme.A.b(A.java:7)",
    "java mybatis": "org.apache.ibatis.exceptions.PersistenceException: \n### Error querying.\n\tat a.B.c(B.java:1)",
    "python chained": """\
Traceback (most recent call last):
  File "/app/a.py", line 1, in f
    rate = document["discount"]["rate"]
           ~~~~~~~~~~~~~~~~~~~~^^^^^^^^
KeyError: 'rate'

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "/app/b.py", line 3, in g
httpx.ReadTimeout""",
    "python sqlalchemy": """\
Traceback (most recent call last):
  File "/app/a.py", line 1, in f
sqlalchemy.exc.IntegrityError: (psycopg.errors.UniqueViolation) duplicate key value
DETAIL:  Key (id)=(7) already exists.
[SQL: INSERT INTO orders VALUES (%s)]
[parameters: (7,)]
(Background on this error at: https://sqlalche.me/e/20/gkpj)""",
    "python group": """\
  + Exception Group Traceback (most recent call last):
  |   File "/app/a.py", line 1, in f
  | ExceptionGroup: unhandled errors in a TaskGroup (1 sub-exception)
  +-+---------------- 1 ----------------
    | ValueError: no
    +------------------------------------""",
    "go panic": """\
panic: runtime error: invalid memory address or nil pointer dereference
[signal SIGSEGV: segmentation violation code=0x1 addr=0x0 pc=0x4a1b2c]

goroutine 18 [running]:
github.com/acme/shop/internal/cart.(*Store).Put[...](0xc000010000, {0x1, 0x2})
\t/app/cart/store.go:15 +0x1d
created by net/http.(*Server).Serve in goroutine 1
\t/usr/local/go/src/net/http/server.go:3086 +0x5cb
exit status 2""",
    "go zap": "main.handle\n\t/app/main.go:12\ngithub.com/acme/shop/cart.Add\n\t/c.go:7\nruntime.main\n\t/p.go:2",
    "node": """\
TypeError: Cannot read properties of undefined (reading 'id')
    at OrderService.create (/usr/src/app/dist/order.js:237:28)
    at process.processTicksAndRejections (node:internal/process/task_queues:95:5) {
  code: 'E_ORDER',
  [cause]: Error: connect ECONNREFUSED 10.0.0.1:5432
      at TCPConnectWrap.afterConnect [as oncomplete] (node:net:1555:16)
}""",
    "node uncaught": """\
/usr/src/app/dist/order.js:42
    const id = user.id;
                    ^

TypeError: Cannot read properties of undefined (reading 'id')
    at Object.<anonymous> (/usr/src/app/dist/order.js:42:21)

Node.js v20.11.0""",
    "c#": """\
System.InvalidOperationException: Sequence contains no elements
 ---> System.Data.SqlClient.SqlException (0x80131904): Timeout expired.
   at Shop.Orders.Repository.Find(Int32 id) in /src/Orders/Repository.cs:line 42
   --- End of inner exception stack trace ---
   at Shop.Orders.Api.Get(Int32 id) in /src/Orders/Api.cs:line 17
--- End of stack trace from previous location ---
   at Microsoft.AspNetCore.Mvc.Infrastructure.ActionMethodExecutor.Execute()""",
    "c# unhandled": "Unhandled exception. System.NullReferenceException: no\n   at Shop.Program.Main(String[] args)",
    "ruby": """\
/app/models/user.rb:12:in `find': undefined method `name' for nil:NilClass (NoMethodError)
\tfrom /app/controllers/users_controller.rb:3:in `show'
\tfrom /usr/lib/ruby/gems/3.3.0/gems/puma-6.4.0/lib/puma/thread_pool.rb:97:in 'Puma::ThreadPool#spawn'""",
    "rails": """\
ActionView::Template::Error (undefined method `name' for nil):
    1: <h1><%= @user.name %></h1>

app/views/users/show.html.erb:1:in `render'
app/controllers/users_controller.rb:10:in `show'""",
    "php": "Uncaught Exception: no\nStack trace:\n#0 /srv/a.php(9): f()\n#1 {main}\n  thrown in /srv/a.php on line 5",
}
"""What runtimes and frameworks print, shortened."""


@pytest.mark.parametrize("trace", TRACES.values(), ids=TRACES)
def test_a_trace_is_one_record_with_its_header(joined: Callable[..., list[str]], trace: str) -> None:
    """From the log line that announces it to its last line; the line behind it is a record of its own."""
    record = f"{HEAD}\n{trace}"

    assert [record, CALM] == joined([*record.split("\n"), CALM])


@pytest.mark.parametrize("trace", TRACES.values(), ids=TRACES)
def test_a_crash_without_a_header_is_one_record(joined: Callable[..., list[str]], trace: str) -> None:
    """Behind an INFO line of the same second too: joined to that, it would be INFO, and nobody would hear of it."""
    if trace.startswith(("main.handle", "  +")):  # never printed without a header
        return

    assert [CALM, trace, CALM] == joined([CALM, *trace.split("\n"), CALM])


@pytest.mark.parametrize(
    "calm",
    [
        "INFO:     10.0.0.1:5000 - GET /orders 200",
        "2026-11-21T10:00:00.123Z\tINFO\tcart/store.go:15\tadded",
        "I1121 10:00:00.123456       1 controller.go:12] synced",
        "info: Microsoft.Hosting.Lifetime[14] Now listening",
        "[2026-11-21 10:00:00 +0000] [7] [INFO] Booting worker",
        "time=2026-11-21T10:00:00.123Z level=info msg=started",
        "I, [2026-11-21T10:00:00.123456 #1]  INFO -- : started",
    ],
)
def test_lines_that_say_info_take_no_trace(joined: Callable[..., list[str]], calm: str) -> None:
    """However the logger spells it; indented lines are the message's own."""
    assert [f"{calm}\n  more", "ValueError: no"] == joined([calm, "  more", "ValueError: no"])


@pytest.mark.parametrize(
    "alarm",
    [
        "ERROR INFO is not a table",
        "2026-11-21 10:00:00.123 WARN [worker] retry - INFO page not found",
        "E1121 10:00:00.123456       1 controller.go:12] sync failed",
        "fail: Microsoft.AspNetCore.Server.Kestrel[13]",
        "level=error msg=failed",
        "E, [2026-11-21T10:00:00.123456 #1] ERROR -- : failed",
    ],
)
def test_lines_that_say_error_take_their_trace(joined: Callable[..., list[str]], alarm: str) -> None:
    """The first level word counts; `Error: ...` is part of it, as Node prints it."""
    record = f"{alarm}\nError: connect ECONNREFUSED\n    at f (/app/a.js:1:2)"

    assert [record, CALM] == joined([*record.split("\n"), CALM])


def test_json_lines_stay_json(joined: Callable[..., list[str]]) -> None:
    """Nothing is joined to a line of JSON: it would not be merged into fields any more."""
    lines = ['{"level":"info","msg":"up"}', '{"level":"error","msg":"no"}', "", *TRACES["node"].split("\n")]

    assert [lines[0], lines[1], TRACES["node"]] == joined(lines)


def test_plain_lines_stay_apart(joined: Callable[..., list[str]]) -> None:
    """Lines that continue nothing are records, whatever they say."""
    lines = ["listening on 8080", "Error: no route", "ValueError: no", "KeyError: 'a'", "done", HEAD, HEAD]

    assert lines == joined(lines)


def test_two_streams_of_one_container_do_not_mix(engine: Any, shipped: Callable[..., Any]) -> None:
    """A trace on stderr stays whole while stdout goes on in the same file."""
    multiline = shipped().joining()
    lines = [("stderr", line) for line in TRACES["go panic"].split("\n")]
    lines[3:3] = [("stdout", "GET /a 200")]
    lines[6:6] = [("stdout", "GET /b 200")]

    events = [engine.Event("t", {"stream": stream, "log": line}) for stream, line in lines]
    ended = [event for one in events for event in multiline.append(one)]

    assert {"GET /a 200", "GET /b 200", TRACES["go panic"]} == {
        event.record["log"] for event in (*ended, *multiline.tick())
    }


def test_a_trace_that_the_timer_cuts_keeps_its_time(engine: Any, shipped: Callable[..., Any]) -> None:
    """Every second what is pending goes, complete or not: the rest is a record with the time of its own first line."""
    multiline = shipped().joining()
    lines = [HEAD, *TRACES["java"].split("\n")]
    events = [engine.Event(f"t{n}", {"stream": "o", "time": f"t{n}", "log": line}) for n, line in enumerate(lines)]

    early = [event for one in events[:3] for event in multiline.append(one)] + list(multiline.tick())
    late = [event for one in events[3:] for event in multiline.append(one)] + list(multiline.tick())

    assert [("t0", "\n".join(lines[:3])), ("t3", "\n".join(lines[3:]))] == [
        (event.time, event.record["log"]) for event in early + late
    ]


_FILES = sorted((Path(__file__).resolve().parents[4] / "shared" / "data" / "traces").glob("*.jsonl.gz"))
_SPLIT = {"ARBITRARY_TEXT", "DART_FORMAT_WITH_CODE_ERR"}
"""No trace at all, and one whose message has a second line without a mark."""


@pytest.mark.skipif(not _FILES, reason="no collection of traces beside this checkout")
@pytest.mark.parametrize("file", _FILES, ids=lambda file: file.name)
def test_collected_traces_are_whole(joined: Callable[..., list[str]], file: Path) -> None:
    """Traces of other people's tests and of generators are one record each."""
    with gzip.open(file, "rt") as lines:
        collected = [json.loads(line) for line in lines]
    whole = {one["message"].rstrip() for one in collected if one.get("name") not in _SPLIT}
    split = {text for text in whole if joined([*text.split("\n"), CALM]) != [text, CALM]}

    assert set() == {text for text in split if "\nError: " not in text}


@pytest.mark.skipif(not _FILES, reason="no collection of traces beside this checkout")
def test_collected_traces_are_whole_behind_a_header(joined: Callable[..., list[str]]) -> None:
    """Behind the level of a log line `Error: ...` belongs to it as well: all are one record."""
    with gzip.open(next(file for file in _FILES if file.name.startswith("synthetic")), "rt") as lines:
        whole = {f"{HEAD} {json.loads(line)['message']}".rstrip() for line in lines}

    assert set() == {text for text in whole if joined([*text.split("\n"), CALM]) != [text, CALM]}
