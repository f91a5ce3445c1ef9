"""Files that the disk changed, lost or does not give back, and crashes at any point."""

from pathlib import Path
from typing import Any

import pytest
from loopback_bucket import Store, chunk, key
from prometheus_client import REGISTRY

from connectors.s3 import S3Config, S3Sink
from connectors.s3.objects import merged
from connectors.slots import SLOTS
from connectors.spool import Commits, Sealed, file_name


def test_files_without_any_state_are_set_aside(store: Store, config: S3Config, tmp_path: Path) -> None:
    """A slot that starts without recovery state deletes nothing: what lies there is moved away and told."""
    store.refusals = 1_000
    hasty = config.model_copy(update={"close_timeout_s": 0.0})
    part: Any = S3Sink("unit", hasty, tmp_path, Commits()).build_part("out", SLOTS[0], None)
    part.write_batch([chunk(1)])
    part.snapshot()
    part.close()
    S3Sink("unit", hasty, tmp_path, Commits()).build_part("out", SLOTS[0], None)
    aside = tmp_path / "unclaimed" / "unit" / SLOTS[0]
    assert ([], 1) == (list((tmp_path / "unit" / SLOTS[0]).iterdir()), len(list(aside.iterdir())))


def test_a_file_that_the_disk_changed_is_set_aside(
    store: Store, config: S3Config, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A damaged spool file is not uploaded as if it were whole: it is kept aside and told, and holds up no other."""
    commits = Commits()
    part: Any = S3Sink("harmed", config, tmp_path, commits).build_part("out", SLOTS[0], None)
    for first in (1, 2):
        part.write_batch([chunk(first)])
        part.snapshot()
    (tmp_path / "harmed" / SLOTS[0] / file_name(key(1))).write_bytes(b"flipped")
    part.close()
    aside = tmp_path / "unclaimed" / "harmed" / SLOTS[0] / file_name(key(1))
    assert ([key(2)], b"flipped", []) == (store.keys, aside.read_bytes(), part.snapshot())
    assert 1 == REGISTRY.get_sample_value("cali_spool_damaged_total", {"sink": "harmed"})
    assert "s3.spool_file_damaged" in capsys.readouterr().out


def test_a_file_that_the_disk_does_not_give_back_is_set_aside(store: Store, config: S3Config, tmp_path: Path) -> None:
    """A bad block is no failure of S3: the file is kept aside and told, the circuit stays closed, the others go up."""
    part: Any = S3Sink("unread", config, tmp_path, Commits()).build_part("out", SLOTS[0], None)
    for first in (1, 2):
        part.write_batch([chunk(first)])
        part.snapshot()
    bad = tmp_path / "unread" / SLOTS[0] / file_name(key(1))
    bad.unlink()
    bad.mkdir()  # reading it fails, also for root
    faults = REGISTRY.get_sample_value("cali_s3_faults_total", {"sink": "unread"})
    part.close()
    aside = tmp_path / "unclaimed" / "unread" / SLOTS[0] / file_name(key(1))
    assert ([key(2)], True, []) == (store.keys, aside.exists(), part.snapshot())
    assert faults == REGISTRY.get_sample_value("cali_s3_faults_total", {"sink": "unread"})


def test_a_file_that_is_nowhere_is_told(
    store: Store, config: S3Config, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A state whose file is neither on the volume nor in the bucket is a loss that is logged and counted."""
    lost = Sealed(key=key(7), count=3, first="7", last="9")
    resumed: Any = S3Sink("nowhere", config, tmp_path, Commits()).build_part("out", SLOTS[0], [lost])
    resumed.close()
    assert (1, []) == (
        REGISTRY.get_sample_value("cali_spool_damaged_total", {"sink": "nowhere"}),
        resumed.snapshot(),
    )
    assert "s3.spool_file_missing" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("there", "lists", "damaged"),
    [
        pytest.param("5-12", True, 0, id="within a merged object"),
        pytest.param("8-12", True, 1, id="it begins later"),
        pytest.param("5-8", True, 1, id="it ends earlier"),
        pytest.param("5-12", False, 1, id="nobody may list"),
    ],
)
def test_a_file_that_compaction_took_away_is_not_missed(
    store: Store, config: S3Config, tmp_path: Path, there: str, *, lists: bool, damaged: int
) -> None:
    """A page that was stopped for days meets an hour that `compact` merged: what a larger object spans is not lost."""
    store.bodies[key(7).replace("-7.", f"-{there}.")] = b"merged"
    store.lists = lists
    sink = f"merged-{there}-{lists}"
    entry = Sealed(key=key(7), count=3, first="7", last="9")
    resumed: Any = S3Sink(sink, config, tmp_path, Commits()).build_part("out", SLOTS[0], [entry])
    resumed.close()
    told = REGISTRY.get_sample_value("cali_spool_damaged_total", {"sink": sink})
    assert (damaged, []) == (told or 0, resumed.snapshot())


@pytest.mark.parametrize(("bucket", "damaged"), [("bucket", 0), ("abroad", 1)])
def test_a_file_that_went_up_before_the_place_changed_is_not_missed(
    store: Store, config: S3Config, tmp_path: Path, bucket: str, damaged: int
) -> None:
    """The last uploads of a stop are in no snapshot: it is looked for where settings sent it then, if that answers."""
    sink = f"moved-from-{bucket}"
    before: Any = S3Sink("before", config, tmp_path, Commits()).build_part("out", SLOTS[0], None)
    before.write_batch([chunk(7)])
    (entry,) = before.snapshot()
    before.close()
    sealed_for = entry["place"]
    entry["place"] = (bucket, config.prefix)
    moved = config.model_copy(update={"prefix": "moved/"})
    resumed: Any = S3Sink(sink, moved, tmp_path, Commits()).build_part("out", SLOTS[0], [entry])
    resumed.close()
    told = REGISTRY.get_sample_value("cali_spool_damaged_total", {"sink": sink})
    assert (("bucket", config.prefix), damaged, []) == (sealed_for, told or 0, resumed.snapshot())


def test_a_refused_document_is_in_no_merged_object(store: Store, config: S3Config) -> None:
    """Dead letters are not merged, so nothing is listed for them."""
    store.lists = False
    assert not merged(config, Sealed(key="dead-letters/logs-s-7-0.ndjson.zst", count=1, first="7-0", last="7-0"))


@pytest.mark.parametrize("crash", ["written", "synced", "committed", "uploaded", "deleted"])
def test_a_crash_at_any_point_leaves_each_record_once(
    store: Store, config: S3Config, tmp_path: Path, crash: str
) -> None:
    """Killed after the write, the sync, the commit, the upload or the delete: each record ends in S3 exactly once.

    The source reads again from the last committed epoch; epochs before the crash hold record 1, the one at it 2.
    """
    commits = Commits()
    store.refusals = 1_000_000
    hasty = config.model_copy(update={"close_timeout_s": 0.0})
    dying: Any = S3Sink("unit", hasty, tmp_path, commits).build_part("out", SLOTS[0], None)
    dying.write_batch([chunk(1)])
    committed = dying.snapshot()
    dying.write_batch([chunk(2)])
    if crash == "written":
        dying._spool.abandon()
    elif crash == "synced":
        dying._spool.seal()  # and no snapshot of it reached the recovery store
    else:
        committed = dying.snapshot()
    folder = tmp_path / "unit" / SLOTS[0]
    if crash in {"uploaded", "deleted"}:
        file = folder / file_name(key(1))
        store.bodies[key(1)] = file.read_bytes()
        store.keys.append(key(1))
        if crash == "deleted":
            file.unlink()
    dying._uploader._closing = True  # the dead process uploads no more
    store.refusals = 0

    resumed: Any = S3Sink("unit", config, tmp_path, Commits()).build_part("out", SLOTS[0], committed)
    if crash in {"written", "synced"}:
        resumed.write_batch([chunk(2)])  # the source reads it again
    resumed.snapshot()
    resumed.close()
    assert ({key(1), key(2)}, []) == (set(store.keys), list(folder.iterdir()))
    assert [2 if crash == "uploaded" else 1, 1] == [store.keys.count(key(n)) for n in (1, 2)]
