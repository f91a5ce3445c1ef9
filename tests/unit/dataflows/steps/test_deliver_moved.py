"""The channel that alerts were meant for is gone or another by now: nothing waits for a channel that nobody has."""

from collections.abc import Sequence
from typing import Any

from scripted_channel import DOWN, FIRST, Bot, Channel, Make, landed, outbox, statuses

from connectors.slack import Outcome, PostResult
from dataflows.domain.alerts import Alert
from dataflows.domain.correlating import Correlator, Guard
from dataflows.domain.digests import digest
from dataflows.domain.outbox import CHANNEL
from dataflows.domain.rules import NO_RULES
from dataflows.steps.posting import Card

ARCHIVED = PostResult(Outcome.TRANSIENT, 60.0, "is_archived: unarchive the channel or route its alerts elsewhere")


class Moved(Channel):
    """With another default channel than the one before."""

    def channel_of(self, alert: Alert) -> str:
        """The alert's own."""
        return alert["channel"] or "#new"


class Elsewhere(Bot):
    """It has a reply below a card, in the channel where alerts went before."""

    def sent_since(self, channel: str, oldest_ts: float, threads: Sequence[Card]) -> dict[str, Card] | None:
        """What lies below that card, if that is asked for."""
        super().sent_since(channel, oldest_ts, threads)
        return {"e": ("C0", "2.5")} if ("C0", "1.5") in threads else {}


def test_a_reply_in_the_channel_of_before_is_found_there(clock: Any, make_alert: Make) -> None:
    """Its answer was lost, and CALI_SLACK__CHANNEL is another by now: it is not sent twice."""
    bot = Elsewhere()
    bot.places[FIRST] = ("C0", "1.5")
    with outbox(bot, clock) as logic:
        logic.on_batch([make_alert("e", reason="escalated", opening=FIRST, explained=True)])
        assert [("e", "sent")] == statuses(landed(logic))
        assert [] == [done for done in bot.done if "e" in done[:2] and done[0] != "update"]


def test_what_waits_goes_to_the_default_channel_of_now(clock: Any, make_alert: Make) -> None:
    """CALI_SLACK__CHANNEL was corrected, as the log advises, and the process started again."""
    before = Channel(DOWN)
    guard = Guard(15, 10.0, 40, fold=True, threads=True, tell_resolved=True, channel_of=before.channel_of)
    alerts = Correlator(None, guard).see(make_alert(FIRST, explained=True), clock.now(), NO_RULES)
    with outbox(before, clock) as logic:
        logic.on_batch(alerts)
        landed(logic)
        state = logic.snapshot()
    with outbox(Moved(), clock, state) as logic:
        assert [("", "#new")] == [(entry[4]["channel"], entry[CHANNEL]) for entry in logic.snapshot().values()]


def test_a_card_in_a_closed_channel_holds_nothing_back(clock: Any, make_alert: Make) -> None:
    """What would be its reply is a message of its own, in the channel that alerts go to now."""
    bot = Bot(ARCHIVED)
    bot.places[FIRST] = ("C0", "1.5")
    again = make_alert("e", reason="escalated", opening=FIRST, explained=True)
    with outbox(bot, clock) as logic:
        logic.on_batch([again])
        (told,) = landed(logic)
        assert "sent" == told["status"]
        assert [("broadcast", "e", "1.5"), ("post", "e")] == bot.done[:2]


def test_a_digest_with_a_line_of_the_default_channel_follows_it(clock: Any, make_alert: Make) -> None:
    """Also where a rule names that channel for its gravest line."""
    alerts = [make_alert("a:api:1:first", channel="#test"), make_alert("b:api:1:first")]
    before = Channel(DOWN)
    with outbox(before, clock) as logic:
        logic.on_batch([digest("#test", alerts)])
        landed(logic)
        state = logic.snapshot()
    with outbox(Moved(), clock, state) as logic:
        assert ["#new"] == [entry[CHANNEL] for entry in logic.snapshot().values()]
