"""Back-pressure: when the source must wait, and when it may go on."""

from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from connectors.spool import Pressure


def full_gauge() -> float | None:
    """What the metric tells."""
    return REGISTRY.get_sample_value("cali_spool_full")


def test_the_bound_holds_and_lets_go_below_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """At the bound the spool is full; it has room again below nine tenths; both are logged once and measured."""
    pressure = Pressure(tmp_path, max_bytes=1_000, min_free_bytes=0)
    seen = []
    for size in (999, 1, 0, -50, -50, -1, 50):
        pressure.grew(size)
        seen.append((pressure.used, pressure.full(), full_gauge()))
    assert [
        (999, False, 0.0),
        (1_000, True, 1.0),
        (1_000, True, 1.0),
        (950, True, 1.0),
        (900, True, 1.0),
        (899, False, 0.0),
        (949, False, 0.0),
    ] == seen
    told = capsys.readouterr().out
    assert (1, 1) == (told.count("spool.full"), told.count("spool.room"))


def test_a_volume_without_room_is_full_however_small_the_spool(tmp_path: Path) -> None:
    """What others write on the volume counts: reading stops before the disk is full, not at ENOSPC."""
    assert (True, False) == (
        Pressure(tmp_path, min_free_bytes=2**62).full(),
        Pressure(tmp_path / "not" / "made" / "yet", min_free_bytes=1).full(),
    )


def test_what_is_uploaded_no_longer_counts(tmp_path: Path) -> None:
    """Growing and shrinking by the same leaves nothing."""
    pressure = Pressure(tmp_path)
    for size in (10, 20):
        pressure.grew(size)
        pressure.shrank(size)
    assert 0 == pressure.used
