"""What the page sees of a replayed record is what it saw of the record itself."""

from connectors.spool import Commits
from dataflows.replay.files import Origin
from dataflows.replay.source import ReplaySource
from dataflows.steps.triage import AlarmingBatch, Triage

RAW = b'{"level":"ERROR","log":"boom"}\n'


def test_replayed_pieces_keep_their_document_ids() -> None:
    """Two dead letters of one record become the two documents they would have been, not one that hides the other."""
    origins = [Origin("shardId-1", "495", 1e9, RAW, 3), Origin("shardId-1", "495", 1e9, RAW + RAW, 7)]
    part = ReplaySource(iter(origins), Commits()).build_part("kinesis_in", "replay", None)
    (out,) = Triage(None)(part.next_batch())

    assert isinstance(out, AlarmingBatch)
    assert ["shardId-1-495-3", "shardId-1-495-7", "shardId-1-495-8"] == [a.sighting.record_id for a in out.alarms]


def test_an_epoch_that_is_done_is_told() -> None:
    """The first batch after a snapshot tells the sinks that they may upload what they sealed."""
    commits = Commits()
    origins = [Origin(f"s{n}", "1", 1e9, RAW) for n in range(4)]
    part = ReplaySource(iter(origins), commits).build_part("kinesis_in", "replay", None)
    seen = []
    for snapshots in (False, True, False):
        part.next_batch()
        if snapshots:
            part.snapshot()
        seen.append(commits.count)

    assert [0, 0, 1] == seen
