"""What spans faults: cascades, silences, and how many messages a channel may get. Pure.

Alerts pass through at once unless a rule holds them; what is held for the channel's sake comes out soon, as one digest
that names every fault in it.
"""

import math
from collections.abc import Callable
from operator import itemgetter
from typing import Any, NamedTuple, Protocol, TypedDict

from dataflows.domain.alerts import NEWS, OPENING, Alert, Reason, fault_of
from dataflows.domain.digests import digest, importance
from dataflows.domain.rules import Silence, Subject, Verdict

MINUTE_S = 60.0
_CRITICAL = "critical"
FOLD_S = 60.0
"""How long after a fault's opening another one that shares its trace or request is taken to follow from it: a request
lives seconds, and its retries a minute. Our choice."""
NEW_VERSION_S = 1_800.0
"""How long a version counts as just rolled out. Our choice: a slow roll-out takes half an hour."""
MAX_IDS = 5_000
"""Trace and request ids that are remembered."""
MIN_ID = 8
"""Characters of an id that tells requests apart; shorter ones are placeholders such as `-`, `null` or `N/A`."""
MAX_FOLDED = 2_000
"""Episodes that were folded into another fault's, and are remembered to be."""
MAX_CARDS = 5_000
"""Episodes that are known to have a card of their own. Of others nothing goes out but in digests."""
CRITICAL_FACTOR = 2
"""A critical fault may go out at once until a channel has had so many times its messages of the minute."""
MAX_SERVICES = 1_000
MAX_VERSIONS = 5
"""Versions remembered of a service."""


class Guard(NamedTuple):
    """How a channel is kept readable."""

    per_minute: int
    """Messages of their own in a minute; beyond, alerts become lines of a digest."""
    gather_s: float
    """How long summaries wait for others, to be one digest with them."""
    digest_lines: int
    """Faults in one digest; more make another one."""
    fold: bool
    """Whether a known fault that follows from another is told with that one."""
    threads: bool
    """Whether summaries go into the thread of a card: then they need no gathering."""
    tell_resolved: bool
    channel_of: Callable[[Alert], str] = itemgetter("channel")
    """Where an alert goes, by one name for each place: by the rules, else the default channel."""


class Silencer(Protocol):
    """The rules as of now, as far as they hold alerts."""

    def silenced(self, subject: Subject, verdict: Verdict, now: float) -> Silence | None:
        """The silence that covers a fault, if one does."""
        ...


class ChannelState(TypedDict):
    """One channel: how many messages this minute, and what waits."""

    minute: int
    sent: int
    waiting: list[Alert]
    due: float


class CorrelatorState(TypedDict):
    """Recovery state, plain data."""

    channels: dict[str, ChannelState]
    ids: dict[str, tuple[str, str, str, float]]
    """Opening, fault, channel and time by trace or request id."""
    folded: dict[str, tuple[str, str]]
    """Parent's opening and name by opening."""
    cards: dict[str, str]
    """Openings of the episodes that have a card; the values are empty."""
    names: dict[str, str]
    """`<service>: <template>` of the faults of `ids`, by opening."""
    versions: dict[str, dict[str, float]]
    """When a version was first seen, by service."""


class Correlator:
    """Sees every alert, in order of arrival."""

    def __init__(self, state: CorrelatorState | None, guard: Guard, now: float = 0.0) -> None:
        """Resume at `now`, clock seconds, if that is known: what is further ahead than anything can be is drawn near.

        The clock was set back then, and the alerts that wait must not wait until it has caught up.
        """
        self._guard = guard
        self._channels: dict[str, ChannelState] = (
            {name: _copied(channel) for name, channel in state["channels"].items()} if state else {}
        )
        for channel in self._channels.values() if now else ():
            channel["due"] = min(channel["due"], now + max(MINUTE_S, guard.gather_s))
        self._ids = dict(state["ids"]) if state else {}
        self._folded = dict(state["folded"]) if state else {}
        self._cards = dict(state["cards"]) if state else {}
        self._names = dict(state["names"]) if state else {}
        self._versions = {name: dict(seen) for name, seen in state["versions"].items()} if state else {}

    @property
    def next_due(self) -> float | None:
        """Clock time at which `release` has something to do."""
        return min((channel["due"] for channel in self._channels.values() if channel["waiting"]), default=None)

    @property
    def waiting(self) -> int:
        """Alerts that will come out as a digest, or by themselves."""
        return sum(len(channel["waiting"]) for channel in self._channels.values())

    def see(self, alert: Alert, now: float, rules: Silencer) -> list[Alert]:
        """What becomes of an alert: itself, itself marked as held, or nothing yet."""
        alert = alert.copy()
        if alert["reason"] == Reason.FIRST:
            alert["started_with"] = self._new_version(alert, now)
        self._note_versions(alert, now)
        if rules.silenced(_subject(alert), _verdict(alert), now) is not None:
            return [_held(alert, Reason.HELD_SILENCED)]
        if alert["reason"] == Reason.RESOLVED and not (self._guard.tell_resolved or alert["count"]):
            alert["held"] = Reason.HELD_QUIET.value
        if alert["held"]:
            return [alert]
        self._relate(alert, now)
        if alert["reason"] == Reason.NEW_WINDOW and self._guard.threads:
            alert["explained"] = True  # it goes under a card that is explained
        if alert["parent"] and alert["reason"] != Reason.FIRST:
            return self._follow(alert, now)
        if alert["reason"] in NEWS:
            return self._announce(alert, now)
        if self._guard.threads and alert["opening"] in self._cards:
            return [alert]
        self._wait(self._channel(self._guard.channel_of(alert), now), alert, now + self._guard.gather_s)
        return []

    def release(self, now: float) -> list[Alert]:
        """Let out what has waited long enough: one alert as itself, several as digests."""
        out: list[Alert] = []
        for name, channel in self._channels.items():
            if not channel["waiting"] or channel["due"] > now:
                continue
            waiting, channel["waiting"] = channel["waiting"], []
            self._channel(name, min(now, channel["due"] + MINUTE_S) if math.isinf(now) else now)
            messages, held = self._messages(name, waiting)
            channel["sent"] += len(messages)
            out += [*held, *messages]
        return out

    def state(self) -> CorrelatorState:
        """A copy for the snapshot."""
        return CorrelatorState(
            channels={name: _copied(channel) for name, channel in self._channels.items()},
            ids=self._ids.copy(),
            folded=self._folded.copy(),
            cards=self._cards.copy(),
            names=self._names.copy(),
            versions={service: seen.copy() for service, seen in self._versions.items()},
        )

    def _messages(self, channel: str, waiting: list[Alert]) -> tuple[list[Alert], list[Alert]]:
        """Messages, and the summaries that are only lines of them: what a storm held was let out as held before."""
        if len(waiting) == 1:
            waiting[0]["held"] = ""
            self._note_card(waiting[0])
            return waiting, []
        step = self._guard.digest_lines
        ordered = sorted(waiting, key=importance)
        digests = [digest(channel, ordered[i : i + step]) for i in range(0, len(ordered), step)]
        return digests, [_held(alert, Reason.HELD_STORM) for alert in waiting if not alert["held"]]

    def _announce(self, alert: Alert, now: float) -> list[Alert]:
        """What is news goes out at once, as long as the channel has room in this minute."""
        channel = self._channel(self._guard.channel_of(alert), now)
        room = self._guard.per_minute * (CRITICAL_FACTOR if alert["severity"] == _CRITICAL else 1)
        if channel["sent"] < room:
            channel["sent"] += 1
            self._note_card(alert)
            return [alert]
        self._wait(channel, alert, (channel["minute"] + 1) * MINUTE_S)
        return [_held(alert, Reason.HELD_STORM)]

    def _follow(self, alert: Alert, now: float) -> list[Alert]:
        """A known fault that follows from another: in that one's thread, or a line of the next digest."""
        if self._guard.threads and alert["parent"] in self._cards:
            return [alert]
        channel = self._channel(self._guard.channel_of(alert), now)
        self._wait(channel, alert, now + self._guard.gather_s, Reason.HELD_CASCADE)
        return [_held(alert, Reason.HELD_CASCADE)]

    def _wait(self, channel: ChannelState, alert: Alert, due: float, why: Reason | None = None) -> None:
        channel["due"] = min(channel["due"], due) if channel["waiting"] else due
        held = why or (Reason.HELD_STORM if alert["reason"] in NEWS else None)
        waits = alert.copy()
        waits["held"] = held.value if held else ""
        channel["waiting"].append(waits)
        if len(channel["waiting"]) > 1:
            for line in channel["waiting"][-2:]:
                line["text"] = ""  # a digest shows none; one that waits alone will be a card

    def _relate(self, alert: Alert, now: float) -> None:
        """Find the fault that this one follows from; remember its own ids for those that follow."""
        if (kept := self._folded.get(alert["opening"])) is not None:
            alert["parent"], alert["follows"] = kept
            return
        if not self._guard.fold or alert["reason"] not in OPENING:
            return
        fault = fault_of(alert["fingerprint"], alert["service"], alert["namespace"])
        where = self._guard.channel_of(alert)
        ids = [value for value in (alert["trace_id"], alert["request_id"]) if _tells_apart(value)]
        for value in ids:
            opening, other, channel, seen = self._ids.get(value, ("", fault, "", 0.0))
            if other != fault and channel == where and now - seen <= FOLD_S:
                alert["parent"], alert["follows"] = opening, self._names.get(opening, "")
                if alert["reason"] == Reason.REGRESSED:
                    self._mark(alert["opening"], (opening, alert["follows"]))
                elif alert["reason"] == Reason.NEW_WINDOW:
                    alert["parent"] = ""  # it has a card of its own
                break
        for value in ids:  # the earliest leads: what follows joins it, not each other
            if value not in self._ids or now - self._ids[value][3] > FOLD_S:
                self._ids[value] = (alert["opening"], fault, where, now)
                self._names[alert["opening"]] = f"{alert['service']}: {alert['template']}"
        _trim(self._ids, MAX_IDS)
        _trim(self._names, MAX_IDS)

    def _note_card(self, alert: Alert) -> None:
        if alert["id"] == alert["opening"]:
            self._cards[alert["opening"]] = ""
            _trim(self._cards, MAX_CARDS)

    def _mark(self, opening: str, where: tuple[str, str]) -> None:
        self._folded[opening] = where
        _trim(self._folded, MAX_FOLDED)

    def _channel(self, name: str, now: float) -> ChannelState:
        channel = self._channels.setdefault(name, ChannelState(minute=0, sent=0, waiting=[], due=0.0))
        minute = int(now // MINUTE_S)
        if minute != channel["minute"]:  # a clock that is set back begins anew as well
            channel["minute"], channel["sent"] = minute, 0
        return channel

    def _new_version(self, alert: Alert, now: float) -> str:
        """The version that a new fault seems to have come with; empty if the service is known with no other."""
        versions, known = alert["place"]["versions"], self._versions.get(alert["service"], {})
        if len(versions) != 1 or not any(version != versions[0] for version in known):
            return ""
        since = known.get(versions[0], now)
        return versions[0] if now - since <= NEW_VERSION_S and since > min(known.values()) else ""

    def _note_versions(self, alert: Alert, now: float) -> None:
        known = self._versions.setdefault(alert["service"], {})
        for version in alert["place"]["versions"]:
            known.setdefault(version, now)
        _trim(known, MAX_VERSIONS)
        _trim(self._versions, MAX_SERVICES)


def _held(alert: Alert, why: Reason) -> Alert:
    held = alert.copy()
    held["held"], held["explained"] = why.value, True
    return held


def _verdict(alert: Alert) -> Verdict:
    return Verdict(
        admitted=True,
        window_s=None,
        severity=alert["severity"],
        team=alert["team"],
        channel=alert["channel"],
        mention=alert["mention"],
    )


def _subject(alert: Alert) -> Subject:
    return Subject(
        alert["fingerprint"],
        alert["service"],
        alert["namespace"],
        alert["level"],
        tuple(alert["types"]),
        alert["template"],
    )


def _tells_apart(value: str) -> bool:
    """Whether an id names one request: what a library puts where there is none is short, or one character repeated."""
    return len(value) >= MIN_ID and len(set(value) - {"-"}) > 1


def _trim(kept: dict[str, Any], size: int) -> None:
    while len(kept) > size:
        del kept[next(iter(kept))]


def _copied(channel: ChannelState) -> ChannelState:
    return ChannelState(
        minute=channel["minute"], sent=channel["sent"], waiting=list(channel["waiting"]), due=channel["due"]
    )
