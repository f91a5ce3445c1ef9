"""KPL aggregates: taken apart where they are whole, left alone where they are not."""

import gzip
from hashlib import md5

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.kinesis.kpl import MAGIC, deaggregate
from connectors.kinesis.unpack import MAX_UNPACKED_BYTES, BadPiece, unpack


def varint(number: int) -> bytes:
    """A protobuf varint."""
    out = bytearray()
    while True:
        number, low = number >> 7, number & 0x7F
        out.append(low | (0x80 if number else 0))
        if not number:
            return bytes(out)


def field(number: int, value: bytes) -> bytes:
    """A length-delimited field."""
    return varint(number << 3 | 2) + varint(len(value)) + value


def record(data: bytes) -> bytes:
    """A Record with keys and a tag, as the library writes it."""
    return field(3, varint(8) + varint(0) + varint(16) + varint(1) + field(3, data) + field(4, field(1, b"tag")))


def aggregate(*data: bytes) -> bytes:
    """What the KPL puts into one Kinesis record."""
    message = field(1, b"key") + field(2, b"hash") + b"".join(record(part) for part in data)
    return MAGIC + message + md5(message, usedforsecurity=False).digest()


@given(st.lists(st.binary(max_size=300), max_size=20))
def test_every_user_record_comes_back(parts: list[bytes]) -> None:
    """User records are returned in order, byte for byte."""
    assert parts == deaggregate(aggregate(*parts))


def test_kpl_bad_md5_is_a_raw_record() -> None:
    """An aggregate whose digest is wrong is one raw record: nothing is dropped."""
    broken = aggregate(b'{"a":1}', b'{"b":2}')[:-1] + b"\x00"

    assert deaggregate(broken) is None
    assert broken.replace(b"\n", b"") == b"".join(p for p in unpack(broken) if isinstance(p, bytes)).replace(b"\n", b"")


@given(st.binary(max_size=200))
def test_no_bytes_raise(noise: bytes) -> None:
    """Whatever stands behind the magic bytes and a right digest, nothing raises."""
    deaggregate(MAGIC + noise + md5(noise, usedforsecurity=False).digest())
    deaggregate(MAGIC + noise)


@pytest.mark.parametrize("message", [b"\x1a\x05ab", b"\x1a\x02\x1a\x09", b"\xff" * 12, b"\x1b", b"\x1a\x02\x08\x01"])
def test_a_malformed_message_is_a_raw_record(message: bytes) -> None:
    """A message that ends early, has endless numbers, groups, or a record without data is no aggregate."""
    assert deaggregate(MAGIC + message + md5(message, usedforsecurity=False).digest()) is None


def test_pieces_of_an_aggregate_are_opened_one_by_one() -> None:
    """Inside an aggregate compression and lines are unpacked too, and a bad piece does not take the rest along."""
    whole = aggregate(gzip.compress(b"one\ntwo\n"), b"\x1f\x8bbroken", b"three\n")

    assert [b"one", b"two", BadPiece(b"\x1f\x8bbroken", "corrupt gzip"), b"three"] == list(unpack(whole))


def test_an_aggregate_has_one_budget() -> None:
    """The bound on unpacked bytes holds for a Kinesis record as a whole, however many records it packs."""
    blob = gzip.compress(bytes(MAX_UNPACKED_BYTES // 2 + 1))

    assert [False, True, True] == [isinstance(piece, BadPiece) for piece in unpack(aggregate(blob, blob, blob))]
