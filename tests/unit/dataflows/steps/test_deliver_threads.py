"""With a bot token: cards that are shown anew, and threads below them."""

from typing import Any

from scripted_channel import DOWN, FIRST, LATER, NOW, OK, SUMMARY, Bot, Make, landed, outbox

from dataflows.steps.deliver import MAX_UPDATES


def test_a_bot_posts_at_once_and_updates(clock: Any, make_alert: Make) -> None:
    """The card waits for no analysis; it is shown anew with it, and the alert is sent once."""
    bot = Bot()
    with outbox(bot, clock) as logic:
        logic.on_batch([make_alert(FIRST)])
        landed(logic)
        (late,) = logic.on_batch([make_alert(FIRST, explained=True, text="told", explanation={})])[0]
        landed(logic)
        assert "sent" == late["status"]
        assert [("post", FIRST), ("update", FIRST, "told", "1.5")] == bot.done


def test_an_analysis_that_is_quick_needs_no_update(clock: Any, make_alert: Make) -> None:
    """It replaces the card that waits for its turn."""
    bot = Bot(LATER)
    with outbox(bot, clock) as logic:
        logic.on_batch([make_alert(FIRST)])
        landed(logic)
        logic.on_batch([make_alert(FIRST, explained=True, text="told", explanation={})])
        clock.time = NOW + 30
        logic.on_notify()
        landed(logic)
        assert ["told"] == [alert["text"] for alert in bot.posted[1:]]


def test_an_analysis_during_the_post_comes_after_it(clock: Any, make_alert: Make) -> None:
    """A message and its update keep their order, and the history ends with the analysis."""
    bot = Bot()
    bot.gate.clear()
    with outbox(bot, clock) as logic:
        logic.on_batch([make_alert(FIRST)])
        logic.on_batch([make_alert(FIRST, explained=True, text="told", explanation={})])
        bot.gate.set()
        told = landed(logic)
        assert ["post", "update"] == [what for what, *_ in bot.done]
        assert [("sent", True)] == [(delivery["status"], delivery["alert"]["explained"]) for delivery in told]


def test_summaries_go_under_their_card(clock: Any, make_alert: Make) -> None:
    """A summary is a reply, and the card shows its counts; an escalation is shown in the channel too."""
    bot = Bot()
    with outbox(bot, clock, burst=9) as logic:
        logic.on_batch([make_alert(FIRST)])
        landed(logic)
        logic.on_batch([make_alert(SUMMARY, reason="summary", explained=True)])
        landed(logic)
        logic.on_batch([make_alert("e", reason="escalated", opening=FIRST, explained=True)])
        landed(logic)
        logic.on_batch([make_alert("q", reason="resolved", opening=FIRST, held="held_quiet", explained=True)])
        landed(logic)
        assert [
            ("post", FIRST),
            ("reply", SUMMARY, "1.5"),
            ("update", FIRST, SUMMARY, "1.5"),
            ("broadcast", "e", "1.5"),
            ("update", FIRST, "e", "1.5"),
            ("update", FIRST, "q", "1.5"),
        ] == bot.done


def test_an_update_holds_nothing_back(clock: Any, make_alert: Make) -> None:
    """A card that cannot be shown anew is given up after some attempts, and meanwhile its thread goes on."""
    bot = Bot(OK, DOWN)
    with outbox(bot, clock, burst=9) as logic:
        logic.on_batch([make_alert(FIRST)])
        landed(logic)
        logic.on_batch([make_alert(FIRST, explained=True, explanation={})])
        landed(logic)
        logic.on_batch([make_alert("e", reason="escalated", opening=FIRST, explained=True)])
        landed(logic)
        assert [("post", FIRST), ("broadcast", "e")] == [what[:2] for what in bot.done if what[0] != "update"]
        for _ in range(MAX_UPDATES + 2):
            bot.script = [DOWN, DOWN]
            clock.time += 100
            logic.on_notify()
            landed(logic)
        assert {} == logic.snapshot()


def test_an_update_that_comes_during_one_is_made(clock: Any, make_alert: Make) -> None:
    """What the card shows last is the latest that is known."""
    bot = Bot()
    with outbox(bot, clock, burst=9) as logic:
        logic.on_batch([make_alert(FIRST)])
        landed(logic)
        bot.gate.clear()
        quiet = {"opening": FIRST, "held": "held_quiet", "explained": True}
        logic.on_batch([make_alert("q1", reason="resolved", **quiet)])
        logic.on_batch([make_alert("q2", reason="resolved", **quiet)])
        bot.gate.set()
        landed(logic)
        logic.on_notify()
        landed(logic)
        assert ["q1", "q2"] == [what[2] for what in bot.done if what[0] == "update"]


def test_without_a_card_a_summary_is_a_message(clock: Any, make_alert: Make) -> None:
    """Its opening was in a digest, or the ledger is new: it is told by itself, and nothing is updated."""
    bot = Bot()
    with outbox(bot, clock) as logic:
        logic.on_batch([make_alert(SUMMARY, reason="summary", explained=True)])
        landed(logic)
        assert ([("post", SUMMARY)], {}) == (bot.done, logic.snapshot())


def test_what_follows_goes_under_its_parent(clock: Any, make_alert: Make) -> None:
    """A known fault of a cascade is a reply under the fault it follows from, which is not updated by it."""
    bot = Bot()
    with outbox(bot, clock) as logic:
        child = make_alert("c:web:1:first", reason="regressed", parent=FIRST)
        logic.on_batch([make_alert(FIRST), child])
        landed(logic)
        assert [("post", FIRST), ("reply", "c:web:1:first", "1.5")] == bot.done


def test_updates_take_no_messages_place(clock: Any, make_alert: Make) -> None:
    """Cards and updates have paces of their own: a new fault is told at once though many cards change."""
    bot = Bot()
    with outbox(bot, clock, burst=2) as logic:
        faults = [f"{name}:api:1:first" for name in "abc"]
        logic.on_batch([make_alert(fault) for fault in faults[:2]])
        landed(logic)
        logic.on_batch([make_alert(fault, explained=True, explanation={}) for fault in faults[:2]])
        landed(logic)
        clock.time = NOW + 1
        logic.on_batch([make_alert(faults[2])])
        landed(logic)
        assert ["post", "post", "update", "update", "post"] == [what for what, *_ in bot.done]


def test_the_ledger_keeps_slacks_time(clock: Any, make_alert: Make) -> None:
    """A bot's message is noted by Slack's clock: by a wrong one of ours the channel would be asked from tomorrow on."""
    bot = Bot()
    with outbox(bot, clock) as logic:
        logic.on_batch([make_alert("a", opening="a")])
        landed(logic)

        assert {"a": 1.5} == bot.noted
