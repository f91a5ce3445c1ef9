"""Small archive objects merged, with manifests that stay true."""

from typing import Any

import pytest
from archive_jobs.bucket import Bucket
from archive_jobs.compaction import SETTLED_S, TooYoungError, _merge, _parts, compact
from archive_jobs.hours import HOUR_S, Hour
from archive_jobs.objects import opened

from connectors.errors import TerminalError
from dataflows.render.archive import read_line
from dataflows.replay.account import Account
from dataflows.replay.contents import contents as replayed

NINE = Hour(1_795_251_600)
LATER = float(NINE.start + HOUR_S + SETTLED_S)


def _records(archive: Any) -> list[tuple[str, str, bytes]]:
    """Every record of the hour: shard, sequence and bytes."""
    found = []
    for one in opened(Bucket(archive.settings.s3), NINE.folder("archive")):
        found += [(one.manifest.shard, read_line(line).sequence, line) for line in one.lines]
    return sorted(found)


def test_an_object_for_each_shard_and_window(clean: Any) -> None:
    """48 objects become 24, of two shards and twelve windows; every record is there once, byte for byte."""
    before = _records(clean)
    done = compact(clean.settings, NINE, LATER)
    assert (48, 24, 1_800, []) == done
    assert 24 == len(clean.keys())
    assert before == _records(clean)


def test_manifests_are_true_for_a_replay(clean: Any) -> None:
    """`cali replay` takes the merged objects: digest and count of lines are right, and shards are read from names."""
    compact(clean.settings, NINE, LATER)
    account = Account()
    read = list(replayed(f"s3://{clean.settings.s3.bucket}/archive/", clean.settings.s3, account))
    assert (0, 1_800) == (account.bad_files, sum(one.records or 0 for one in read))
    assert [""] * 24 == [one.problem for one in opened(Bucket(clean.settings.s3), NINE.folder("archive"))]


def test_again_it_changes_nothing(clean: Any) -> None:
    """A second run finds nothing to merge."""
    compact(clean.settings, NINE, LATER)
    first = clean.everything()
    assert (24, 24, 0, []) == compact(clean.settings, NINE, LATER)
    assert first == clean.everything()


def test_a_crash_between_writing_and_deleting_is_mended(clean: Any) -> None:
    """Parts that are still there beside their merged object, or were written again, are records of it and go."""
    parts = {key: clean.lines(key) for key in clean.keys()[:5]}
    before = _records(clean)
    compact(clean.settings, NINE, LATER)
    raw = clean.everything()
    for key, (lines, _) in parts.items():
        clean.put(key, lines, _manifest_of(lines))
    compact(clean.settings, NINE, LATER)
    assert raw == clean.everything()
    assert before == _records(clean)


def _manifest_of(lines: list[bytes]) -> dict[str, str]:
    from hashlib import sha256  # noqa: PLC0415 - of this helper alone

    import zstandard  # noqa: PLC0415 - likewise

    body = zstandard.compress(b"".join(line + b"\n" for line in lines))
    first, last = read_line(lines[0]).sequence, read_line(lines[-1]).sequence
    told = {"stream": "logs", "first": first, "last": last, "records": str(len(lines))}
    return {**told, "sha256": sha256(body).hexdigest()}


def test_what_is_damaged_is_left_alone(clean: Any) -> None:
    """An object that is not what its manifest says is named, and neither merged nor deleted."""
    cut, lying = clean.keys()[3], clean.keys()[9]
    lines, manifest = clean.lines(cut)
    clean.put(cut, lines[:-1], manifest)
    lines, _ = clean.lines(lying)
    clean.put(lying, lines, {**_manifest_of(lines), "first": "1"})
    assert [cut, lying] == compact(clean.settings, NINE, LATER).left
    assert [[cut], [lying]] == [clean.keys(cut), clean.keys(lying)]


def test_what_another_run_made_of_other_parts_is_not_written_over(clean: Any) -> None:
    """A run that saw fewer parts than one before it is refused, and says what to do: each record is there still."""
    before, bucket = _records(clean), Bucket(clean.settings.s3)
    shard = clean.keys(f"{NINE.folder('archive')}logs-shardId-000000000000-")
    whole = [line for key in shard[:2] for line in clean.lines(key)[0]]
    last = read_line(whole[-1]).sequence
    key = f"{shard[0].removesuffix('.ndjson.zst')}-{last}.ndjson.zst"
    seen = list(opened(bucket, NINE.folder("archive")))
    clean.put(key, whole, _manifest_of(whole))  # the other run ends now
    parts = list(_parts([one for one in seen if one.key in shard[:2]], []))
    with pytest.raises(TerminalError, match="run it again"):
        _merge(bucket, NINE, "zstd", parts)
    assert (whole, before) == (clean.lines(key)[0], sorted(set(_records(clean))))


def test_an_hour_that_is_not_settled_is_refused(clean: Any) -> None:
    """Within a day after its end objects may come: nothing is touched."""
    with pytest.raises(TooYoungError, match="2026-11-21T09"):
        compact(clean.settings, NINE, LATER - 1)
    assert 48 == len(clean.keys())
