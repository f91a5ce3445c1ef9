"""One Kinesis record into its pieces."""

import gzip
import zlib

import pytest
import zstandard
from hypothesis import example, given, settings
from hypothesis import strategies as st

from connectors.kinesis.unpack import MAX_UNPACKED_BYTES, BadPiece, unpack

A, B = b'{"log":"a"}', b'{"log":"b"}'


PIECES: dict[str, tuple[bytes, list[bytes]]] = {
    "plain": (A, [A]),
    "line end": (A + b"\n", [A]),
    "two lines": (A + b"\n" + B, [A, B]),
    "blank lines between": (A + b"\n\n \r\n" + B + b"\n", [A, B]),
    "nothing": (b"", [b""]),
    "a line end": (b"\n", [b""]),
    "blank lines": (b"\n \n", [b""]),
    "no json": (b"plain", [b"plain"]),
    "gzip": (gzip.compress(A + b"\n" + B), [A, B]),
    "gzip members": (gzip.compress(A + b"\n") + gzip.compress(B), [A, B]),
    "gzip of nothing": (gzip.compress(b""), [b""]),
    "zstd": (zstandard.compress(A + b"\n" + B), [A, B]),
    "zstd frames": (zstandard.compress(A + b"\n") + zstandard.compress(B), [A, B]),
    "zstd of nothing": (zstandard.compress(b""), [b""]),
}


@pytest.mark.parametrize("name", PIECES)
def test_pieces(name: str) -> None:
    """Blobs are opened, members and frames joined, lines split; an empty record is one empty piece."""
    record, pieces = PIECES[name]
    assert pieces == list(unpack(record))


BAD: dict[str, tuple[bytes, str]] = {
    "one byte short": (gzip.compress(A * 100)[:-1], "truncated gzip"),
    "half": (gzip.compress(A * 100)[:20], "truncated gzip"),
    "magic alone": (b"\x1f\x8b", "truncated gzip"),
    "magic and noise": (b"\x1f\x8b" + b"x" * 50, "corrupt gzip"),
    "wrong checksum": (gzip.compress(A)[:-4] + b"xxxx", "corrupt gzip"),
    "something behind": (gzip.compress(A) + b"trailing", "corrupt gzip"),
    "zstd short": (zstandard.compress(A * 100)[:-1], "truncated zstd"),
    "zstd noise": (b"\x28\xb5\x2f\xfd" + b"\xff" * 50, "corrupt zstd"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_opened_is_one_bad_piece(name: str) -> None:
    """Truncated or corrupt compression is one piece with the raw record and why."""
    record, reason = BAD[name]
    assert [BadPiece(record, reason)] == list(unpack(record))


def _gzip_zeros(size: int) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    block = bytes(1 << 20)
    return b"".join([*(packer.compress(block) for _ in range(size >> 20)), packer.flush()])


@pytest.fixture(scope="module")
def full() -> bytes:
    """A gzip member that opens to exactly the bound."""
    return _gzip_zeros(MAX_UNPACKED_BYTES)


def test_a_bomb_is_refused(full: bytes) -> None:
    """More than the bound is refused, in one member or over several, and exactly the bound is not."""
    assert 1 == len(list(unpack(full)))
    reason = f"gzip above {MAX_UNPACKED_BYTES} bytes"
    for bomb in (full + gzip.compress(b"x"), full + full):
        assert [BadPiece(bomb, reason)] == list(unpack(bomb))
    bomb = zstandard.compress(bytes(MAX_UNPACKED_BYTES + (16 << 20)))
    assert [BadPiece(bomb, f"zstd above {MAX_UNPACKED_BYTES} bytes")] == list(unpack(bomb))


@settings(max_examples=80, deadline=None)
@given(st.binary(max_size=100), st.sampled_from([b"", b"\x1f\x8b", b"\x1f\x8b\x08\x00", b"\x28\xb5\x2f\xfd"]))
@example(b"", b"\x28\xb5\x2f\xfd")
def test_no_bytes_raise(tail: bytes, head: bytes) -> None:
    """Whatever a record is, it gives at least one piece and raises nothing."""
    assert list(unpack(head + tail))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.binary(min_size=1, max_size=30).filter(lambda b: b"\n" not in b and b.strip() != b""), min_size=1))
def test_lines_survive_any_packing(lines: list[bytes]) -> None:
    """What was joined and compressed comes back as it was, in order."""
    joined = b"\n".join(lines) + b"\n"
    assert lines == list(unpack(gzip.compress(joined))) == list(unpack(zstandard.compress(joined)))


def test_a_line_bomb_is_one_bad_piece() -> None:
    """A small record with more lines than any honest one is one bad piece, not millions of dead letters."""
    bomb = gzip.compress(b"xx\n" * 2_000_000)
    (piece,) = unpack(bomb)
    assert isinstance(piece, BadPiece)
