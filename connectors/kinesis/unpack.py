"""One Kinesis record into its pieces: aggregates taken apart, compressed blobs opened, joined lines split."""

import zlib
from collections.abc import Iterator
from typing import NamedTuple

import zstandard

from connectors.kinesis.kpl import MAGIC, deaggregate

MAX_LINES = 200_000
"""Lines of one Kinesis record, far above honest ones. More is a bomb: two million fitted into 5.9 kB."""
MAX_MEMBERS = 1000
"""Members of one gzip blob: each costs the rest of the blob once more."""
MAX_UNPACKED_BYTES = 64 * 1024 * 1024
"""A 1 MiB record of JSON lines compresses about 20-fold at best; 64 MiB is past any honest one and far below memory."""

_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"
_ZSTD_STEP = 256


class BadPiece(NamedTuple):
    """A record, or one out of an aggregate, that is compressed and cannot be opened."""

    raw: bytes
    reason: str
    """Truncated or corrupt compression, or more than `MAX_UNPACKED_BYTES`."""


class _UnpackError(ValueError):
    """Why a blob cannot be opened."""


def unpack(record: bytes) -> Iterator[bytes | BadPiece]:
    """The pieces of one record, without their line ends; empty lines are left out, an empty record is one piece.

    Never raises: what cannot be opened is a `BadPiece`, and the rest of an aggregate lives.
    """
    if record[:1] == b"{" and record.find(b"\n") in {-1, len(record) - 1}:  # by far the most
        yield record.removesuffix(b"\n")
        return
    inner = deaggregate(record) if record[:4] == MAGIC else None
    left, lines = MAX_UNPACKED_BYTES, MAX_LINES
    for part in [record] if inner is None else inner or [b""]:
        try:
            opened = _opened(part, left)
            if opened.count(b"\n") > lines:
                msg = f"above {MAX_LINES} lines"
                raise _UnpackError(msg)  # noqa: TRY301 - one place where a piece goes bad
        except _UnpackError as err:
            yield BadPiece(part, str(err))
            continue
        left -= len(opened)
        lines -= opened.count(b"\n")
        yield from _lines(opened)


def _opened(record: bytes, limit: int) -> bytes:
    if record[:2] == _GZIP:
        record = _gunzip(record, limit)
    elif record[:4] == _ZSTD:
        record = _unzstd(record, limit)
    return record


def _lines(record: bytes) -> Iterator[bytes]:
    end = record.find(b"\n")
    if end in {-1, len(record) - 1}:
        yield record[:end] if end != -1 else record
        return
    lines = [line for line in record.split(b"\n") if line.strip()]
    yield from lines or [b""]


def _gunzip(record: bytes, limit: int) -> bytes:
    """All members of a gzip stream (Fluent Bit writes one, concatenated ones are valid too)."""
    out: list[bytes] = []
    left = limit
    for _ in range(MAX_MEMBERS):
        if not record:
            return b"".join(out)
        member = zlib.decompressobj(wbits=31)
        try:
            opened = member.decompress(record, left + 1)  # never 0, which would mean no limit
        except zlib.error as err:
            msg = "corrupt gzip"
            raise _UnpackError(msg) from err
        left -= len(opened)
        if left < 0:
            msg = f"gzip above {MAX_UNPACKED_BYTES} bytes"
            raise _UnpackError(msg)
        if not member.eof:
            msg = "truncated gzip"
            raise _UnpackError(msg)
        out.append(opened)
        record = member.unused_data
    msg = f"above {MAX_MEMBERS} gzip members"
    raise _UnpackError(msg)


def _unzstd(record: bytes, limit: int) -> bytes:
    """All frames of a zstd stream, fed in small steps: one step can make 8 MB at most (256 / 4 blocks of 128 KiB)."""
    out: list[bytes] = []
    size = 0
    frame = zstandard.ZstdDecompressor().decompressobj()
    for start in range(0, len(record), _ZSTD_STEP):
        step = record[start : start + _ZSTD_STEP]
        try:
            while step:
                if frame.eof:
                    frame = zstandard.ZstdDecompressor().decompressobj()
                out.append(frame.decompress(step))
                size += len(out[-1])
                step = frame.unused_data
        except zstandard.ZstdError as err:
            msg = "corrupt zstd"
            raise _UnpackError(msg) from err
        if size > limit:
            msg = f"zstd above {MAX_UNPACKED_BYTES} bytes"
            raise _UnpackError(msg)
    if not frame.eof:
        msg = "truncated zstd"
        raise _UnpackError(msg)
    return b"".join(out)
