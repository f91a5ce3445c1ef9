"""Traces of each language: equal where only lines, addresses and ids differ, different where the fault does."""

import re

import pytest

from dataflows.domain.fingerprint import fingerprint

NET = """System.InvalidOperationException: closed 1
 ---> Shop.Drained: no 2
   at Shop.Db.Get() in /src/Db.cs:line 3
   --- End of inner exception stack trace ---
   at Shop.Api.Call(Int32 id) in /src/Api.cs:line 4"""
NET_GROUP = """System.AggregateException: One or more errors occurred. (a 1)
 ---> Shop.Drained: a 1
   at Shop.A.b() in /a.cs:line 1
   --- End of inner exception stack trace ---
   at Shop.C.d() in /c.cs:line 3
 ---> (Inner Exception #1) Shop.Locked: b
   at Shop.E.f() in /e.cs:line 2<---"""
RUST = "thread 'main' panicked at src/main.rs:10:5:\nboom 1\nnote: run with `RUST_BACKTRACE=1`"
RUST_OLD = "ERROR thread 'main' panicked at 'boom 1', src/main.rs:10:5"
RUST_OLD_LINES = "thread 'main' panicked at 'assertion failed\n  left: `1`,\n right: `2`', src/main.rs:10:5"
RUST_ID = "\nthread 'main' (4711) panicked at src/main.rs:10:5:\nboom"
DEADLOCK = """fatal error: all goroutines are asleep - deadlock!

goroutine 1 [chan receive, 3 minutes]:
main.main()
\t/app/main.go:9 +0x1d

goroutine 18 [select]:
main.work(0xc0001)
\t/app/w.go:3 +0x2d"""
RECOVERED = """panic: runtime error: invalid memory address or nil pointer dereference [recovered]
\tpanic: runtime error: invalid memory address or nil pointer dereference
[signal SIGSEGV: segmentation violation code=0x1 addr=0x1 pc=0x4b]

goroutine 2 [running]:
testing.tRunner.func1.2({0x1, 0x2})
\t/usr/local/go/src/testing/testing.go:1526 +0x24e
panic({0x3, 0x62})
\t/usr/local/go/src/runtime/panic.go:884 +0x213
main.find(...)
\t/app/a.go:4"""
BARE = "lost 1\nmain.(*Store).Find\n\t/app/a.go:3\nmain.main\n\t/app/m.go:4\nruntime.main\n\t/usr/local/go/src/a.go:3"
ZAP = '{"level":"error","msg":"x","stacktrace":"main.find\\n\\t/app/a.go:3\\nmain.main\\n\\t/app/m.go:4"}'
NODE = """Error: outer 1
    at run (/app/a.js:2:2)
    at async main (/app/m.js:3:4) {
  [cause]: TypeError: inner 1
      at deep (/app/d.js:5:6)
      at mid (/app/e.js:1:1) {
    code: 'X'
  }
}"""
AGGREGATE = """AggregateError: All promises were rejected
    at run (/app/a.js:1:2) {
  [errors]: [
    TypeError: one 1
        at x (/app/x.js:3:2),
    RangeError: two
        at y (/app/y.js:4:3)
  ]
}"""
NODE_CODE = "TypeError [ERR_INVALID_ARG_TYPE]: The 1\n    at f (/a/a.js:1:1)"
REJECTION = "(node:12) UnhandledPromiseRejectionWarning: TypeError: x\n    at f (/a/a.js:1:1)"
UNCAUGHT = "Uncaught PoolDrained: x 1\n    at f (/app/a.js:1:2)\n    at g (/app/b.js:3:4)"
ASYNC = (
    "Error: x\n    at async f (/app/a.js:1:2)\n    at async Promise.all (index 0)\n    at async file:///app/b.mjs:3:4"
)
WEBPACK = "Error: x\n    at f (webpack-internal:///./src/a.js:1:2)\n    at g (webpack:///src/c.ts?1a2b:9:9)"
EVAL = "Error: x\n    at eval (eval at run (/app/b.js:1:1), <anonymous>:3:4)\n    at h (/app/h.js:1:1)"
PHP = """PHP Fatal error:  Uncaught PDOException: SQLSTATE[HY000] 1 in /srv/a.php:2
Stack trace:
#0 /srv/b.php(3): Db->query()
#1 {main}

Next Shop\\Drained: no in /srv/c.php:4
Stack trace:
#0 /srv/d.php(12): Cart->pay()
#1 {main}
  thrown in /srv/c.php on line 3"""
RUBY = """app/models/cart.rb:1:in `total': undefined x (Shop::Drained)
\tfrom app/c.rb:2:in `show'
app/e.rb:3:in `parse': no (KeyError)
\tfrom app/f.rb:1:in `read'"""
RUBY_RESCUED = "Shop::Drained (no 1):\n  app/a.rb:3:in `take'\n  app/b.rb:4:in `call'"
DART = """Unhandled exception:
PoolDrained: a 1
#0      Pool.take (package:shop/pool.dart:1:3)
#1      main.<anonymous closure> (file:///app/bin/m.dart:2:1)
<asynchronous suspension>
#2      _startIsolate.<anonymous closure> (dart:isolate-patch/isolate_patch.dart:301)"""

CASES = [
    ("net", NET, ("System.InvalidOperationException", "Shop.Drained"), ["Drained", "Db.Get", "Api.Call"]),
    ("net_group", NET_GROUP, ("System.AggregateException", "Shop.Drained", "Shop.Locked"), ["Locked", "E.f"]),
    ("rust", RUST, ("panic",), ["src/main"]),
    ("rust_old", RUST_OLD, ("panic",), ["src/main"]),
    ("rust_old_lines", RUST_OLD_LINES, ("panic",), ["src/main"]),
    ("rust_thread_id", RUST_ID, ("panic",), ["src/main"]),
    ("go_deadlock", DEADLOCK, ("panic",), ["main.main", "all goroutines are asleep"]),
    ("go_recovered", RECOVERED, ("panic",), ["main.find", "invalid memory address or nil pointer dereference"]),
    ("go_pkg_errors", BARE, (), ["Find"]),
    ("go_zap", ZAP, (), ["main.find"]),
    ("node_cause", NODE, ("Error", "TypeError"), ["TypeError", "deep", "run"]),
    ("node_aggregate", AGGREGATE, ("AggregateError", "TypeError", "RangeError"), ["RangeError", "at y"]),
    ("node_code", NODE_CODE, ("TypeError",), ["TypeError"]),
    ("node_rejection", REJECTION, ("TypeError",), ["TypeError"]),
    ("node_uncaught", UNCAUGHT, ("PoolDrained",), ["PoolDrained"]),
    ("node_async", ASYNC, ("Error",), ["async f"]),
    ("node_webpack", WEBPACK, ("Error",), ["src/a.js"]),
    ("node_eval", EVAL, ("Error",), ["eval at run"]),
    ("php_next", PHP, ("Shop\\Drained", "PDOException"), ["Drained", "PDOException", "Cart->pay", "Db->query"]),
    ("ruby_cause", RUBY, ("Shop::Drained", "KeyError"), ["Drained", "KeyError", "parse", "total"]),
    ("ruby_rescued", RUBY_RESCUED, ("Shop::Drained",), ["Drained", "take"]),
    ("dart", DART, ("PoolDrained",), ["PoolDrained", "Pool.take"]),
]
_VALUES = re.compile(r"(?<![\w#.])\d+(?!x)|(?<=0x)[\da-f]+|(?<=:)\d+|(?<=thread ')\w+")


def _elsewhere(text: str) -> str:
    """Change every line number, address, count and thread name."""
    return _VALUES.sub(lambda found: "worker" if found[0].isalpha() else f"{len(found[0])}7", text)


@pytest.mark.parametrize(("text", "types"), [case[1:3] for case in CASES], ids=[case[0] for case in CASES])
def test_lines_addresses_and_threads_do_not_count(text: str, types: tuple[str, ...]) -> None:
    """A trace keeps its fingerprints and types with other line numbers, addresses, ids and thread names."""
    one, same = fingerprint(text, "s"), fingerprint(_elsewhere(text), "s")
    assert (types, True, True) == (one.types, text != _elsewhere(text), one[:4] == same[:4])


@pytest.mark.parametrize(
    ("text", "word"),
    [(text, word) for _, text, _, words in CASES for word in words],
    ids=[f"{name}-{word}" for name, _, _, words in CASES for word in words],
)
def test_another_type_or_place_is_another_fault(text: str, word: str) -> None:
    """Another type, function or file within a trace is another fault."""
    other = text.replace(word, word.replace(word[-3:], "Qzx") if word[-1] != "s" else word[:-3] + "xyz")
    assert fingerprint(text, "s").fingerprint != fingerprint(other, "s").fingerprint


def test_net_inner_exception_inline_or_on_its_own_line() -> None:
    """Both forms that .NET prints give one fingerprint."""
    inline = NET.replace("\n --->", " --->")
    assert fingerprint(NET, "s")[:4] == fingerprint(inline, "s")[:4]


def test_rust_forms_of_one_place_are_one_fault() -> None:
    """A panic is its file, whichever version of Rust printed it."""
    assert 1 == len({fingerprint(text, "s").fingerprint for text in (RUST, RUST_OLD, RUST_OLD_LINES, RUST_ID)})


def test_recovered_panic_is_the_panic() -> None:
    """A panic that a test or a server caught and raised again is the same fault."""
    plain = re.sub(r" \[recovered\]\n.*", "", RECOVERED)
    assert fingerprint(RECOVERED, "s").fingerprint == fingerprint(plain, "s").fingerprint
