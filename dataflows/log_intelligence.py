"""CALI on one page: log records in, explained alerts out. Step ids are state keys: see docs/decisions/0003."""

import os
import sys

import bytewax.operators as op
from bytewax.dataflow import Dataflow

from dataflows import recovery, sole
from dataflows.domain.brake import DlqLimit
from dataflows.endpoints import Endpoints, live
from dataflows.settings import Settings, load, share_region
from dataflows.steps.archive import archive
from dataflows.steps.books import books
from dataflows.steps.brake import brake
from dataflows.steps.correlate import correlate
from dataflows.steps.dead_letters import dead_letters
from dataflows.steps.deliver import deliver
from dataflows.steps.documents import documents, history
from dataflows.steps.explain import explain
from dataflows.steps.throttle import throttle
from dataflows.steps.triage import triage


def build(settings: Settings, io: Endpoints) -> Dataflow:
    """Wire the steps; every stream ends in a named output, so nothing is dropped silently."""
    flow = Dataflow("cali")
    prefix = settings.opensearch.index_prefix
    limit = DlqLimit(settings.dead_letters.limit_share, settings.dead_letters.limit_minimum)

    # Read. An item is a batch: the records of one read of one shard.
    batches = op.input("kinesis_in", flow, io.source)

    # Keep everything, raw, before anything can fail.
    op.output("archive_out", archive("archive", batches), io.archive)

    # Trust nothing. Below WARN a record ends here, counted; what cannot be read leaves with its reason.
    checked = triage("triage", batches, io.sort)
    op.output("dead_letter_out", dead_letters("dead_letters", checked.rejected), io.dead_letters)

    # Make it searchable. From triage on everything is redacted.
    op.output("search_out", documents("documents", checked.alarming, prefix), io.search)

    # One fault: told at once, its repeats counted and summed up, its end and its return told.
    faults = throttle("throttle", checked.alarming, settings.window, io.clock, io.rules, finish=io.finish)

    # Too much that cannot be read is a fault as well: of the input, told once a minute.
    blind = brake("brake", batches, checked.rejected, limit, finish=io.finish)

    # What went in and did not come out is a fault of CALI itself.
    adrift = books("books", batches, io.books)

    # Many faults: fold what follows from another, hold what is silenced, keep channels readable.
    alerts = op.merge("alerts", faults, blind, adrift)
    related = correlate("correlate", alerts, io.guard, io.clock, io.rules, finish=io.finish)

    # Ask for a cause. A model that is down must not stop the page.
    told = explain("explain", related, io.explaining)

    # Tell people, once, and keep what became of it.
    delivered = deliver("slack_out", told, io.delivering)
    op.output("alerts_out", history("history", delivered, prefix), io.history)
    return flow


def flow() -> Dataflow:
    """What `python -m bytewax.run dataflows.log_intelligence` calls."""
    share_region()
    settings = load()
    recovery.keep_private(recovery.directory())
    sole.occupy(settings.state.dir, sys.argv[1:], os.environ)
    recovery.forget_uncommitted(recovery.directory())
    return build(settings, live(settings))
