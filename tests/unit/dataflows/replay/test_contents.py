"""Files are opened whole or not at all, and what cannot be opened is named."""

import gzip
import os
from pathlib import Path
from typing import Any

import pytest
import zstandard

LINES = b"".join(b'{"level":"ERROR","log":"disk %d full"}\n' % n for n in range(2_000))


def zstd(body: bytes) -> bytes:
    """One frame without a size in its head, as the archive writes it."""
    frame = zstandard.ZstdCompressor(level=1).compressobj()
    return frame.compress(body) + frame.flush()


@pytest.mark.parametrize("packed", [gzip.compress(LINES), zstd(LINES)], ids=["gzip", "zstd"])
def test_a_cut_file_is_told_and_the_rest_goes_on(packed: bytes, tmp_path: Path, reading: Any) -> None:
    """A file cut at any place gives no record, never fewer than it had; its neighbour gives all."""
    (tmp_path / "whole.log").write_bytes(packed)
    for cut in (20, len(packed) // 2, len(packed) - 1):
        (tmp_path / "cut.log").write_bytes(packed[:cut])
        origins, account = reading(tmp_path)

        assert (2_000, 1) == (len(origins), account.bad_files)
        assert [f"'{tmp_path / 'cut.log'}' is cut off: fetch it again"] == account.problem_lines()


@pytest.mark.parametrize("packed", [gzip.compress(LINES), zstd(LINES)], ids=["gzip", "zstd"])
def test_a_damaged_file_is_told(packed: bytes, tmp_path: Path, reading: Any) -> None:
    """Bytes that are wrong in the middle make an error that names the file and what to do."""
    (tmp_path / "bad").write_bytes(packed[:40] + bytes(20) + packed[60:] + b"trailing")
    origins, account = reading(tmp_path)

    assert [] == origins
    (problem,) = account.problem_lines()
    assert problem.startswith(f"'{tmp_path / 'bad'}' is ")
    assert problem.endswith(": fetch it again")


def test_every_frame_of_a_file_is_read(tmp_path: Path, reading: Any) -> None:
    """Several zstd frames, one after the other, are one file."""
    (tmp_path / "two").write_bytes(zstd(LINES) + zstd(LINES))

    assert 4_000 == len(reading(tmp_path)[0])


def test_a_file_that_may_not_be_read_is_told(tmp_path: Path, reading: Any) -> None:
    """A file that is not there for this user is named; the others are read."""
    (tmp_path / "gone.log").symlink_to(tmp_path / "nowhere")
    (tmp_path / "here.log").write_bytes(b"boom\n")
    origins, account = reading(tmp_path)

    assert 1 == len(origins)
    (problem,) = account.problem_lines()
    help_ = "check that it is there and that this user may read it"
    assert f"'{tmp_path / 'gone.log'}' cannot be read (No such file or directory): {help_}" == problem


def test_what_is_no_file_does_not_block(tmp_path: Path, reading: Any) -> None:
    """A pipe would wait for a writer for ever: it is told instead."""
    os.mkfifo(tmp_path / "pipe")
    (problem,) = reading(tmp_path)[1].problem_lines()

    assert f"'{tmp_path / 'pipe'}' is no regular file: give a file, or a folder of files" == problem


def test_an_empty_folder_is_told(tmp_path: Path, reading: Any) -> None:
    """A mistyped folder must not look like a replay that went well."""
    account = reading(tmp_path)[1]
    told = [f"'{tmp_path}' holds no file: check the folder or the prefix"]
    assert (told, [], True) == (account.problem_lines(), account.notices(), account.failed)


def test_many_problems_are_a_number(tmp_path: Path, reading: Any) -> None:
    """The first twenty problems are told, the others counted."""
    for number in range(25):
        (tmp_path / f"{number:02d}.gz").write_bytes(gzip.compress(b"boom\n")[:-3])
    account = reading(tmp_path)[1]

    assert (25, 21, "and 5 more like these") == (
        account.bad_files,
        len(account.problem_lines()),
        account.problem_lines()[-1],
    )
    assert ["25 files could not be read: rejected"] == account.notices()
