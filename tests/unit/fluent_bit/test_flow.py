"""From container log files over Fluent Bit's pipeline into CALI's page: nothing is lost, the faults are the same."""

import json
from collections import Counter
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

from bytewax.testing import run_main

from connectors.kinesis import RecordBatch
from connectors.slots import slot_of
from dataflows.cli.generate import run
from dataflows.generate import wire
from dataflows.generate.generator import Emitted, LogGenerator

COUNT, RATE, SEED = 2_500, 200.0, 7
START = "2026-11-21T10:00:00Z"
START_TS = 1_795_255_200.0
_CHUNK = 64 * 1024
_PER_BATCH = 200


def _emitted() -> list[Emitted]:
    return list(islice(LogGenerator(seed=SEED, rate=RATE, start_ts=START_TS), COUNT))


def _shipped(engine: Any, pipeline: Any, folder: Path) -> list[bytes]:
    """Each file, read to its end, then the timer."""
    sent = []
    for file in sorted(folder.iterdir()):
        sent += pipeline.feed(f"kube.var.log.containers.{file.name}", engine.cri(file.read_bytes()))
    return [*sent, *pipeline.tick()]


def _faults(page: Any, records: list[bytes]) -> set[tuple[str, str]]:
    """What the page finds in records, by fingerprint and service."""
    batches = [
        RecordBatch(
            slot_of(0),
            "stream",
            "shardId-000000000000",
            [str(at + n) for n in range(len(part))],
            part,
            [START_TS + COUNT / RATE] * len(part),
        )
        for at in range(0, len(records), _PER_BATCH)
        for part in [records[at : at + _PER_BATCH]]
    ]
    world = page.World(batches)
    run_main(world.flow())
    assert [] == world.dead_letters.items
    documents = [json.loads(doc.body) for docs in world.search.items for doc in docs]
    return {(document["fingerprint"], document["service"]) for document in documents}


def test_files_arrive_as_the_records_they_were(
    engine: Any, page: Any, shipped: Callable[..., Any], tmp_path: Path
) -> None:
    """Every entry is one record with its whole text, and the page finds in them the faults that were generated."""
    assert 0 == run(RATE, COUNT, SEED, f"dir:{tmp_path / 'logs'}", START)
    emitted = _emitted()
    labels = {one.pod.name: {"app": one.service, "version": one.pod.version} for one in emitted}

    sent = _shipped(engine, shipped(labels), tmp_path / "logs")
    records = [json.loads(record) for record in sent]
    texts = Counter(record.get("log_content") or record.get("log") for record in records if "log_json" not in record)

    assert Counter(one.text for one in emitted if not one.text.startswith("{")) == texts
    assert Counter(json.dumps(one.fields["log_json"]) for one in emitted if "log_json" in one.fields) == Counter(
        json.dumps(record["log_json"]) for record in records if "log_json" in record
    )
    found = _faults(page, sent)
    assert _faults(page, [wire.render(one) for one in emitted]) == found
    assert len(found) > len({one.truth for one in emitted if one.truth}) > 0  # warnings are faults too
