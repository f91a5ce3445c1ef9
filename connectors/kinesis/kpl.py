"""KPL aggregation: many user records in one, as the Kinesis Producer Library packs them.

Format (amazon-kinesis-producer, aggregation-format.md): four magic bytes, a protobuf message, and its MD5:

    AggregatedRecord { repeated string partition_key_table = 1;
                       repeated string explicit_hash_key_table = 2;
                       repeated Record records = 3; }
    Record { uint64 partition_key_index = 1; uint64 explicit_hash_key_index = 2;
             bytes data = 3; repeated Tag tags = 4; }

Only `records` and `data` are read. Keys are not: a record that another aggregator put under a foreign hash key is kept.
"""

from hashlib import md5

MAGIC = b"\xf3\x89\x9a\xc2"
_DIGEST = 16
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
"""Wire types of protobuf (protobuf.dev/programming-guides/encoding)."""
_RECORDS_FIELD = 3
_DATA_FIELD = 3
_MAX_VARINT_BITS = 63


class _MalformedError(ValueError):
    """Not the message it claims to be."""


def deaggregate(record: bytes) -> list[bytes] | None:
    """The user records of an aggregate, in order; None if the record is no aggregate.

    A record that starts like one but whose digest or message is wrong is no aggregate: it is the producer's own bytes.
    """
    if record[:4] != MAGIC or len(record) < len(MAGIC) + _DIGEST:
        return None
    message = record[len(MAGIC) : -_DIGEST]
    if md5(message, usedforsecurity=False).digest() != record[-_DIGEST:]:
        return None
    try:
        return [_data(inner) for field, inner in _fields(message) if field == _RECORDS_FIELD]
    except _MalformedError:
        return None


def _data(message: bytes) -> bytes:
    """The last `data` field of a Record, as protobuf has it for a field given twice."""
    data = None
    for field, value in _fields(message):
        if field == _DATA_FIELD:
            data = value
    if data is None:
        raise _MalformedError
    return data


def _fields(message: bytes) -> list[tuple[int, bytes]]:
    """Length-delimited fields of a message, in order; numbers are skipped."""
    out: list[tuple[int, bytes]] = []
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        wire = key & 7
        if wire == _VARINT:
            _, at = _varint(message, at)
        elif wire == _BYTES:
            size, at = _varint(message, at)
            if at + size > len(message):
                raise _MalformedError
            out.append((key >> 3, message[at : at + size]))
            at += size
        elif wire in {_FIXED64, _FIXED32}:
            at += 8 if wire == _FIXED64 else 4
        else:
            raise _MalformedError
    if at != len(message):
        raise _MalformedError
    return out


def _varint(message: bytes, at: int) -> tuple[int, int]:
    """A number, and where the next field starts."""
    value = shift = 0
    while at < len(message) and shift <= _MAX_VARINT_BITS:
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
    raise _MalformedError
