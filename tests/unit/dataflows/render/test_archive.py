"""Archive and dead-letter lines: the bytes come back exactly."""

import base64
import json
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dataflows.domain.rejections import Rejected, RejectReason
from dataflows.render.archive import (
    WINDOW_S,
    Archived,
    dead_lines,
    folders,
    hour_path,
    lines,
    read_line,
    refused_line,
)

T0 = 1_763_764_859.123


def round_trip(raw: bytes) -> bytes:
    """A record through the archive and back."""
    (line,) = lines(["7"], [T0], [raw]).split(b"\n")[:-1]
    return read_line(line + b"\n").raw


@settings(max_examples=80, deadline=None)
@given(st.binary(max_size=200) | st.binary(max_size=50).map(lambda inner: b"{" + inner + b"}\n"))
@example(b"")
@example(b"\n")
@example(b"{")
@example(b"{\n")
@example(b"{}")
@example(b"{}\n")
@example(b"{}\r\n")
@example(b"{}\n\n")
@example(b"{\n}")
@example(b'{"a":1}}')
@example(b'{"record":{"a":1},"base64":"x"}')
@example(b'{"sequence":"1","arrived":1,"end":"","record":{}}')
@example('{"log":"한글\u2028"}\n'.encode())
def test_any_bytes_come_back(raw: bytes) -> None:
    """Whatever a record holds, it is one line of the archive and comes back byte for byte."""
    assert raw == round_trip(raw)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=10,
)


@settings(max_examples=50, deadline=None)
@given(st.dictionaries(st.text(max_size=5), _JSON, max_size=5), st.booleans(), st.sampled_from(["", "\n"]))
def test_json_stays_json(value: dict[str, object], ascii_only: bool, end: str) -> None:  # noqa: FBT001 - hypothesis
    """A record that is a JSON object is a JSON object in its line, readable by any SQL engine."""
    raw = json.dumps(value, ensure_ascii=ascii_only).encode("utf-8", "replace") + end.encode()
    line = json.loads(lines(["7"], [T0], [raw]))
    assert {"sequence": "7", "arrived": 1_763_764_859_123, "end": end, "record": json.loads(raw)} == line


@settings(max_examples=50)
@given(st.lists(st.binary(max_size=40), max_size=5))
def test_a_batch_is_one_line_each(data: list[bytes]) -> None:
    """Records keep their order, sequence number and arrival time, one line each."""
    sequences = [str(n) for n in range(len(data))]
    framed = lines(sequences, [T0 + n for n in range(len(data))], data)
    expected = [Archived("", seq, T0 + n, raw) for n, (seq, raw) in enumerate(zip(sequences, data, strict=True))]
    assert expected == [read_line(line) for line in framed.split(b"\n")[:-1]]


@pytest.mark.parametrize("milliseconds", [1_763_764_859_000, 1_763_764_859_001, 1_763_764_859_123, 1_763_764_859_999])
def test_arrival_milliseconds_are_exact(milliseconds: int) -> None:
    """Kinesis stamps milliseconds; none is lost to a float on the way there and back."""
    line = lines(["7"], [milliseconds / 1000], [b"{}"])
    assert (milliseconds, milliseconds / 1000) == (json.loads(line)["arrived"], read_line(line).arrival_ts)


def test_a_batch_is_cut_where_the_hour_changes() -> None:
    """An object's folder is the arrival hour in UTC; a batch across hours is cut at the change, wherever it is."""
    hour = 1_763_766_000.0
    cut = folders("archive", [hour - 0.001, hour, hour + 299.999, hour + 3_600, hour])
    assert [
        ("archive/date=2025-11-21/hour=22", 0, 1),
        ("archive/date=2025-11-21/hour=23", 1, 3),
        ("archive/date=2025-11-22/hour=00", 3, 4),
        ("archive/date=2025-11-21/hour=23", 4, 5),
    ] == [(folder.path, folder.start, folder.stop) for folder in cut]
    assert [(hour_path("x", hour), 0, 2)] == [tuple(folder)[:3] for folder in folders("x", [hour, hour + 1])]
    assert [] == folders("x", [])


@settings(max_examples=100)
@given(st.lists(st.floats(0, 20_000), min_size=1, max_size=40), st.integers(0, 40), st.integers(0, 40))
def test_cuts_are_fixed_by_the_data(arrivals: list[float], one: int, two: int) -> None:
    """However a shard's records are batched, the same records stand at the boundaries between arrival windows."""

    def boundaries(*ends: int) -> set[int]:
        """Records that begin an object where the batches end at `ends`, and no object at a batch's own begin."""
        edges = [0, *sorted(min(end, len(arrivals)) for end in ends), len(arrivals)]
        begun, before = set(), None
        for begin, end in pairwise(edges):
            for folder in folders("archive", arrivals[begin:end]):
                cut = (folder.path, folder.window)
                if cut != before:  # as the spool decides
                    begun.add(begin + folder.start)
                before = cut
        return begun

    assert boundaries() == boundaries(one, two)
    windows = [(folder.path, folder.window) for folder in folders("archive", arrivals)]
    assert all(path == hour_path("archive", window * WINDOW_S) for path, window in windows)


@settings(max_examples=50)
@given(st.binary(max_size=100), st.sampled_from(RejectReason), st.integers(0, 1_000))
def test_dead_letters_round_trip(raw: bytes, reason: RejectReason, sub: int) -> None:
    """A dead letter is a JSON line with its reason and place, and gives the raw bytes back."""
    bad = Rejected("shardId-000000000003", "495", sub, T0, reason, 'a "quoted" 한글 detail,"record":', raw)
    framed = dead_lines([bad, bad], "logs", T0 + 1)
    first, second = framed.splitlines()
    assert (
        second,
        {
            "shard": bad.shard,
            "sequence": "495",
            "sub": sub,
            "stream": "logs",
            "arrived": 1_763_764_859_123,
            "failed": 1_763_764_860_123,
            "attempts": 1,
            "reason": reason.value,
            "detail": bad.detail,
            "base64": base64.b64encode(raw).decode(),
        },
    ) == (first, json.loads(first))
    assert Archived(bad.shard, bad.sequence, T0, raw, sub) == read_line(first)


def test_a_refused_document_is_a_dead_letter_too() -> None:
    """What the index refuses keeps its index, id, reason and body."""
    line = json.loads(refused_line("cali-logs-2025.11.21", "a-1-0", "mapper_parsing_exception", b'{"a":1}'))
    assert {
        "index": "cali-logs-2025.11.21",
        "id": "a-1-0",
        "reason": "index_refused",
        "detail": "mapper_parsing_exception",
        "base64": base64.b64encode(b'{"a":1}').decode(),
    } == line


@pytest.mark.parametrize(
    "line", [b"", b"{}", b"[]", b"plain", b'{"sequence":"1","arrived":1}', b'{"base64":"!"}', b'{"end":"","record":{}}']
)
def test_what_is_no_line_of_ours_is_a_value_error(line: bytes) -> None:
    """Anything else raises `ValueError`, nothing else."""
    with pytest.raises(ValueError, match=r"^not a line of the archive"):
        read_line(line)
