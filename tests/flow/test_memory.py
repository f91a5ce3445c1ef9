"""What triage learns from the records stays with it while Bytewax calls it."""

import json
from typing import Any

import bytewax.operators as op
from bytewax.dataflow import Dataflow
from bytewax.testing import TestingSink, TestingSource, cluster_main

from connectors.kinesis import RecordBatch
from dataflows.steps.triage import Triage, triage

TRACE = "boom\ncom.example.shop.StockException: none left\n\tat com.example.shop.Stock.take(Stock.java:41)"


def test_lines_of_traces_are_read_once_whatever_thread_bytewax_calls_with() -> None:
    """Bytewax's workers are threads that Python forgets each time they let go of its lock, with what is local to them.

    So what a batch has taught must be there for the next: after three with the same frames these are remembered, once.
    """

    def batch(number: int) -> RecordBatch:
        raw = json.dumps({"level": "ERROR", "log": TRACE, "n": number}).encode()
        return RecordBatch("slot-00", "logs", "shardId-0", [str(number)], [raw], [1_795_000_200.0 + number])

    sort = Triage(None)
    found: list[Any] = []
    flow = Dataflow("memory")
    batches = op.input("in", flow, TestingSource([batch(n) for n in range(3)], 1))
    op.output("out", triage("triage", batches, sort).alarming, TestingSink(found))
    cluster_main(flow, [], 0)
    assert (3, 1) == (len(found), len(sort._alarming._fingerprinter._traces._runs))
