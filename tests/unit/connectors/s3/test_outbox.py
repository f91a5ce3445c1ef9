"""Objects that are put one by one: durable at once, whole, and bounded."""

import os
from pathlib import Path

import pytest
from loopback_bucket import Store, letter

from connectors.breaker import FAILURES, breaker
from connectors.s3 import S3Config, S3Outbox
from connectors.spool import Chunk, Pressure, file_name


def test_an_outbox_survives_a_crash(store: Store, config: S3Config, tmp_path: Path) -> None:
    """An object put is durable at once and goes up; what a dead process left goes up with the next."""
    store.refusals = 1
    S3Outbox("refused", config, tmp_path).put(Chunk("dead-letters/refused=i", "a", "0", "0", 1, b"{}\n"))
    store.wait_for(lambda: store.refused == 1)
    S3Outbox("refused", config, tmp_path)
    store.wait_for(lambda: bool(store.keys))
    assert "dead-letters/refused=i/a-0.ndjson.zst" == store.keys[0]


def test_a_stranger_in_an_outbox_holds_up_nothing(
    store: Store, config: S3Config, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is no object of ours is told and left alone: tried for ever, it would open the circuit of all uploads."""
    folder = tmp_path / "refused"
    (folder / "lost+found").mkdir(parents=True)
    (folder / ".nfs0001").write_bytes(b"x")
    (folder / file_name(f"dead-letters/{'x' * 300}-0.ndjson.zst")).write_bytes(b"x")  # a name that was cut
    pressure = Pressure(tmp_path)
    S3Outbox("refused", config, tmp_path, pressure).put(letter("a"))
    store.wait_for(lambda: bool(store.keys))
    assert ["dead-letters/refused=i/a-0.ndjson.zst"] == store.keys
    assert 3 == capsys.readouterr().out.count("spool.stranger")


def test_half_an_object_is_never_sent(store: Store, config: S3Config, tmp_path: Path) -> None:
    """What a kill left in the middle of a `put` is removed at the next start: its caller puts it again."""
    half = tmp_path / "refused.writing" / file_name("dead-letters/refused=i/a-0.ndjson.zst")
    half.parent.mkdir(parents=True)
    half.write_bytes(b"(\xb5/\xfd")
    S3Outbox("refused", config, tmp_path).put(letter("b"))
    store.wait_for(lambda: bool(store.keys))
    assert (["dead-letters/refused=i/b-0.ndjson.zst"], False) == (store.keys, half.exists())


def test_an_object_that_is_put_again_is_whole_at_every_instant(config: S3Config, tmp_path: Path) -> None:
    """The uploader may be reading the first while the second is written: the name leads to one or the other."""
    circuit = breaker("s3", f"{config.endpoint_url}/bucket", answers=())
    for _ in range(FAILURES):
        with pytest.raises(OSError, match="down"), circuit():
            raise OSError("down")  # noqa: EM101 - S3 is left alone, so that both wait
    outbox = S3Outbox("refused", config, tmp_path)
    outbox.put(letter("a"))
    (path,) = (tmp_path / "refused").iterdir()
    with path.open("rb") as first:
        outbox.put(letter("a"))
        assert os.fstat(first.fileno()).st_ino != path.stat().st_ino, "written over what is being read"
        assert first.read() == path.read_bytes() != b""


def test_a_full_outbox_holds_the_source_back(store: Store, config: S3Config, tmp_path: Path) -> None:
    """Single objects count in the bound, many small ones too; once S3 takes them there is room again."""
    store.refusals = 1_000_000
    pressure = Pressure(tmp_path, max_bytes=3 * 65_536, min_free_bytes=0)
    outbox = S3Outbox("refused", config, tmp_path, pressure)
    seen = []
    for number in range(3):
        outbox.put(Chunk("dead-letters/refused=i", str(number), "0", "0", 1, b"{}\n"))
        seen.append(pressure.full())
    store.refusals = 0
    outbox._uploader.drain()
    assert ([False, False, True], False, 0) == (seen, pressure.full(), pressure.used)
