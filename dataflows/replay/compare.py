"""What other rules would have told of the same records: the messages of two dry runs, and the difference."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from dataflows.domain.alerts import Alert, Reason
from dataflows.replay.page import tally

MAX_NAMED: Final = 20
"""Faults that are named one by one, of each kind; the rest is a number. Our choice: a screen holds three such lists."""
_MAX_TEMPLATE: Final = 80
_DIGITS: Final = 12
"""Of a fingerprint that is shown; `cali why` takes 6 or more."""


class Told(NamedTuple):
    """What the messages of one run say of one fault."""

    text: str
    """Fingerprint, service and template, for people."""
    channels: frozenset[str]
    """Where it was told; empty for the default channel."""


class Difference(NamedTuple):
    """Two runs over the same records. The lists are in the order of the first message."""

    messages: int
    """By how many the new rules send more."""
    newly: list[str]
    """Faults that only the new rules tell of."""
    no_longer: list[str]
    """Faults that only the old ones told of."""
    elsewhere: list[str]
    """Faults that both tell of, in other channels."""


def difference(old: list[Alert], new: list[Alert]) -> Difference:
    """Compare the messages of two runs. A fault is told if a message is about it, or a line of a digest is."""
    before, after = told(old), told(new)
    return Difference(
        messages=len(new) - len(old),
        newly=[now.text for fault, now in after.items() if fault not in before],
        no_longer=[was.text for fault, was in before.items() if fault not in after],
        elsewhere=[
            f"{now.text}: {_channels(before[fault])} -> {_channels(now)}"
            for fault, now in after.items()
            if fault in before and now.channels != before[fault].channels
        ],
    )


def told(messages: Iterable[Alert]) -> Mapping[tuple[str, str], Told]:
    """What messages say, by fingerprint and service."""
    texts: dict[tuple[str, str], str] = {}
    channels: dict[tuple[str, str], set[str]] = defaultdict(set)
    for message in messages:
        about = message["lines"] if message["reason"] == Reason.DIGEST else [message]
        for one in about:
            fault = one["fingerprint"], one["service"]
            channels[fault].add(message["channel"])
            texts.setdefault(fault, f"{fault[0][:_DIGITS]} {fault[1]}: {_cut(one['template'])}")
    return {fault: Told(text, frozenset(channels[fault])) for fault, text in texts.items()}


def lines(old_name: str, old: list[Alert], new_name: str, new: list[Alert]) -> Iterator[str]:
    """Both runs and the difference, as `cali replay` prints them."""
    yield f"against {old_name}: {would_send(old)}"
    yield f"with {new_name}: {would_send(new)}"
    found = difference(old, new)
    yield (
        f"difference: {found.messages:+d} messages, {len(found.newly):+d} faults newly seen, "
        f"{-len(found.no_longer):+d} no longer told, {len(found.elsewhere)} told elsewhere"
    )
    kinds = (("newly seen", found.newly), ("no longer told", found.no_longer), ("told elsewhere", found.elsewhere))
    for name, faults in kinds:
        if faults:
            yield f"{name}:"
            yield from (f"  {fault}" for fault in faults[:MAX_NAMED])
        if len(faults) > MAX_NAMED:
            yield f"  and {len(faults) - MAX_NAMED} more"


def would_send(messages: list[Alert]) -> str:
    """Messages by reason."""
    reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(tally(messages).items())) or "none"
    return f"{len(messages)} messages would have been sent: {reasons}"


def _channels(of: Told) -> str:
    return ", ".join(sorted(channel or "the default channel" for channel in of.channels))


def _cut(template: str) -> str:
    return template if len(template) <= _MAX_TEMPLATE else f"{template[:_MAX_TEMPLATE]}..."
