"""Names of stack frames that stay the same from build to build, and which of them are the team's own code."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Final


@dataclass(frozen=True)
class Frameworks:
    """What counts as somebody else's code: a frame is in-app unless one of these fits."""

    names: tuple[str, ...]
    """Prefixes of qualified function names (JVM, .NET, Go, Dart)."""
    paths: tuple[str, ...]
    """Parts of source paths (Python, Node, Go, Ruby, PHP, Rust)."""
    own: tuple[str, ...] = ()
    """In-app whatever the others say: prefixes of qualified names, or parts of source paths if they hold a slash."""

    def extended(self, own: Iterable[str], foreign: Iterable[str]) -> "Frameworks":
        """Add what one team calls its own and what it calls a framework; words with a slash are parts of paths."""
        foreign = tuple(foreign)
        return Frameworks(
            (*self.names, *(word for word in foreign if "/" not in word)),
            (*self.paths, *(word for word in foreign if "/" in word)),
            (*self.own, *own),
        )

    def holds(self, name: str) -> bool:
        """Tell whether a qualified function name begins with one of `names`."""
        return name.startswith(self._by_letter.get(name[:1], ()))

    @cached_property
    def _by_letter(self) -> dict[str, tuple[str, ...]]:
        """`names` by their first character: a tenth of the prefixes to try."""
        letters = {prefix[:1] for prefix in self.names}
        return {letter: tuple(prefix for prefix in self.names if prefix[:1] == letter) for letter in letters}


FRAMEWORKS: Final = Frameworks(
    names=(
        # JVM platform and languages
        *(
            "java.",
            "javax.",
            "jakarta.",
            "jdk.",
            "sun.",
            "com.sun.",
            "kotlin.",
            "kotlinx.",
            "scala.",
            "groovy.",
            "clojure.",
        ),
        # JVM frameworks, servers, drivers, clients
        *("org.springframework.", "org.apache.", "org.hibernate.", "org.eclipse.", "org.jboss.", "org.mortbay."),
        *("io.netty.", "io.undertow.", "io.vertx.", "io.micrometer.", "io.grpc.", "io.reactivex.", "io.lettuce."),
        *("io.opentelemetry.", "reactor.", "rx.", "akka.", "feign.", "okhttp3.", "okio.", "retrofit2.", "com.zaxxer."),
        *("com.fasterxml.", "com.google.common.", "com.google.inject.", "com.netflix.", "com.mysql.", "com.mongodb."),
        *(
            "org.postgresql.",
            "org.mariadb.",
            "oracle.",
            "redis.clients.",
            "org.redisson.",
            "org.mybatis.",
            "org.quartz.",
        ),
        *(
            "org.aspectj.",
            "net.bytebuddy.",
            "org.junit.",
            "org.slf4j.",
            "ch.qos.logback.",
            "org.graalvm.",
            "com.jetty.",
        ),
        *("software.amazon.", "com.amazonaws.", "org.elasticsearch.", "org.opensearch.", "io.fabric8."),
        # .NET
        *("System.", "Microsoft.", "MS.Internal.", "Npgsql.", "Newtonsoft."),
        # Go standard library and runtime
        *(
            "runtime.",
            "runtime/",
            "net/",
            "net.",
            "reflect.",
            "sync.",
            "sync/",
            "testing.",
            "syscall.",
            "os.",
            "os/",
            "io.",
        ),
        *(
            "context.",
            "encoding/",
            "database/sql.",
            "fmt.",
            "log.",
            "bufio.",
            "bytes.",
            "time.",
            "panic",
            "golang.org/",
        ),
        *("google.golang.org/", "github.com/gin-gonic/", "github.com/labstack/echo", "github.com/go-chi/"),
        # Dart and Rust
        *(
            "_startIsolate",
            "_RawReceivePortImpl",
            "std::",
            "core::",
            "alloc::",
            "tokio::",
            "rust_begin_unwind",
            "__rust_",
        ),
    ),
    paths=(
        *("/site-packages/", "/dist-packages/", "/lib/python", "/third_party/", "<frozen ", "<string>", "\\Lib\\"),
        *("/node_modules/", "node:", "internal/", "(native)", "<anonymous>"),
        *("/go/src/", "/go/pkg/mod/", "/gems/", "/lib/ruby/", ") lib/", "/vendor/", "/rustc/", "/.cargo/", "dart:"),
    ),
)
"""Public knowledge of the ecosystems; `/go/src/` is the toolchain only when below `/usr/local` or at the start."""

_SYNTHETIC = re.compile(
    r"\$\$[^.]*|(?<=\$)\d+|(?<=Accessor)\d+|(?<=Proxy)\d+|(?<=lambda_method)\d+|(?<=func)\d+(?:\.\d+)*|(?<=d__)\d+|`\d+|@[\da-f]+"
)
_DIGITS = re.compile(r"\d+")


def stable_name(name: str) -> str:
    """Drop from a qualified name what a compiler or a proxy numbered: CGLIB, lambda, accessor, closure."""
    return _SYNTHETIC.sub("", name).rstrip("$") if "$" in name or _DIGITS.search(name) else name


def stable_path(path: str) -> str:
    """Return the file with its folder, unless the folder carries a digit: release folders and versions do."""
    parts = path.replace("\\", "/").rsplit("/", 2)
    file = _DIGITS.sub("", parts[-1].partition("?")[0]) if parts[-1].count(".") > 1 else parts[-1].partition("?")[0]
    folder = parts[-2] if len(parts) > 1 else ""
    return f"{folder}/{file}" if folder and not _DIGITS.search(folder) else file


def in_app(name: str, path: str, frameworks: Frameworks) -> bool:
    """Tell whether a frame is the team's own: no framework prefix, no framework path, no proxy without source."""
    if frameworks.own and (name.startswith(frameworks.own) or any(p in path for p in frameworks.own if "/" in p)):
        return True
    if frameworks.holds(name) or "$$Lambda" in name:
        return False
    if not path:
        return True
    for part in frameworks.paths:
        at = path.find(part)
        if at < 0:
            continue
        if part != "/go/src/" or path.startswith("/usr/"):
            return False
    return True
