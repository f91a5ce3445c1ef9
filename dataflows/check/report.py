"""Looks at everything in turn and prints each line as soon as it is known."""

import os
from collections.abc import Callable, Iterator

from dataflows.check import local
from dataflows.check.line import Line
from dataflows.check.transport import transport
from dataflows.settings import Settings, SettingsError, load


def run(*, offline: bool) -> int:
    """Print one line for each thing; exit status 1 if one fails."""
    failed = False
    for line in _lines(offline=offline):
        print(line, flush=True)
        failed = failed or line.verdict == "FAIL"
    return int(failed)


def _lines(*, offline: bool) -> Iterator[Line]:
    yield local.python()
    try:
        settings = load()
    except SettingsError as err:
        yield from (Line("FAIL", "settings", problem) for problem in str(err.code).splitlines())
        return
    yield Line("ok", "settings", "read")
    looks: list[Callable[[Settings], Line]] = [local.state, local.redaction, local.rules, local.slack, transport]
    for look in looks:
        yield look(settings)
    if offline:
        yield local.weights(settings)
    else:
        yield from _reached(settings)


def _reached(settings: Settings) -> Iterator[Line]:
    # Half a second of SDKs that `--offline` need not load.
    from dataflows.check import remote  # noqa: PLC0415 - see above
    from dataflows.check.running import running  # noqa: PLC0415 - see above

    yield running(os.environ)  # Bytewax's variables, which are no settings of ours
    looks: list[Callable[[Settings], Line]] = [remote.kinesis, remote.bucket, remote.opensearch, remote.openai]
    for look in looks:
        yield look(settings)
    yield from remote.knowledge(settings)
