"""`cali replay`: files in, messages out, and every record accounted for."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
SHARED = Path(__file__).parents[2].parent / "shared" / "data" / "loghub"
CALI = str(Path(sys.executable).parent / "cali")


def cali(*arguments: str, cwd: Path, **env: str) -> "subprocess.CompletedProcess[str]":
    """Run the command."""
    return subprocess.run([CALI, *arguments], capture_output=True, text=True, cwd=cwd, check=False, timeout=120)


@pytest.mark.parametrize("system", ["Android", "Apache", "HDFS", "Hadoop", "Linux", "OpenStack", "Proxifier", "Spark"])
def test_logs_that_nobody_here_wrote(system: str, tmp_path: Path) -> None:
    """Every message of the public LogHub samples is fingerprinted and none is a dead letter."""
    source = SHARED / f"{system}.jsonl"
    if not source.exists():
        pytest.skip("the LogHub samples are not beside this checkout; they are not part of the project")
    done = cali("replay", str(source), "--dry-run", "--level", "ERROR", cwd=tmp_path)

    assert 0 == done.returncode, done.stderr
    assert "2000 records read; 2000 pieces: 2000 alarming, 0 below WARN, 0 rejected" == done.stdout.splitlines()[-1]


def test_container_logs_tell_what_the_wire_tells(tmp_path: Path) -> None:
    """The same logs as container files and as Fluent Bit ships them make the same alerts."""
    common = ("--count", "6000", "--rate", "500", "--start", "2026-11-01T00:00:00+00:00")
    cali("generate", *common, "--to", f"dir:{tmp_path / 'containers'}", cwd=tmp_path)
    wire = cali("generate", *common, cwd=tmp_path)
    (tmp_path / "wire.ndjson").write_text(wire.stdout)
    one = cali("replay", str(tmp_path / "containers"), "--dry-run", cwd=tmp_path).stdout.splitlines()
    two = cali("replay", str(tmp_path / "wire.ndjson"), "--dry-run", cwd=tmp_path).stdout.splitlines()

    assert one[-2:] == two[-2:]
    assert " 0 rejected" in one[-1]
    assert "6000 records read; 6000 pieces" in one[-1]


def test_a_missing_source_is_named(tmp_path: Path) -> None:
    """The error quotes what was given and says what is expected."""
    done = cali("replay", "no/such/file", "--dry-run", cwd=tmp_path)

    assert 2 == done.returncode
    assert (
        "cali replay: 'no/such/file' does not exist: give a file, a folder, or s3://bucket/prefix"
        == done.stderr.strip()
    )


def test_raw_lines_are_wrapped(tmp_path: Path) -> None:
    """Plain text lines become records; a level word counts, other lines take the level given."""
    (tmp_path / "app.log").write_text("2026-11-21 10:00:00 ERROR disk full\nall is well\n주문 실패: 재고 없음\n")
    done = cali("replay", str(tmp_path / "app.log"), "--dry-run", cwd=tmp_path)
    forced = cali("replay", str(tmp_path / "app.log"), "--dry-run", "--level", "ERROR", cwd=tmp_path)

    assert "3 records read; 3 pieces: 1 alarming, 2 below WARN, 0 rejected" == done.stdout.splitlines()[-1]
    assert "3 records read; 3 pieces: 3 alarming, 0 below WARN, 0 rejected" == forced.stdout.splitlines()[-1]
