"""One Kinesis record into its pieces: aggregates taken apart, compressed blobs opened, joined lines split."""

import zlib
from collections.abc import Iterator
from typing import NamedTuple

import zstandard

from connectors.kinesis.kpl import MAGIC, deaggregate

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
    if record[:4] == MAGIC and (inner := deaggregate(record)) is not None:
        for user_record in inner or [b""]:
            yield from _pieces(user_record)
        return
    yield from _pieces(record)


def _pieces(record: bytes) -> Iterator[bytes | BadPiece]:
    try:
        opened = _opened(record)
    except _UnpackError as err:
        yield BadPiece(record, str(err))
        return
    yield from _lines(opened)


def _opened(record: bytes) -> bytes:
    if record[:2] == _GZIP:
        record = _gunzip(record)
    elif record[:4] == _ZSTD:
        record = _unzstd(record)
    return record


def _lines(record: bytes) -> Iterator[bytes]:
    end = record.find(b"\n")
    if end in {-1, len(record) - 1}:
        yield record[:end] if end != -1 else record
        return
    lines = [line for line in record.split(b"\n") if line.strip()]
    yield from lines or [b""]


def _gunzip(record: bytes) -> bytes:
    """All members of a gzip stream (Fluent Bit writes one, concatenated ones are valid too)."""
    out: list[bytes] = []
    left = MAX_UNPACKED_BYTES
    while record:
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
    return b"".join(out)


def _unzstd(record: bytes) -> bytes:
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
        if size > MAX_UNPACKED_BYTES:
            msg = f"zstd above {MAX_UNPACKED_BYTES} bytes"
            raise _UnpackError(msg)
    if not frame.eof:
        msg = "truncated zstd"
        raise _UnpackError(msg)
    return b"".join(out)
