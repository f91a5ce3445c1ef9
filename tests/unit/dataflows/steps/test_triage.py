"""Triage: every piece of every record is alarming, below level, or a dead letter with its reason."""

import gzip
import json
from typing import Any

import pytest
import zstandard
from prometheus_client import REGISTRY

from connectors.kinesis import RecordBatch
from dataflows.domain.new_faults import NewFaultCap
from dataflows.domain.own import LABEL, VALUE, Own
from dataflows.domain.records import MAX_PIECE_BYTES, MAX_SERVICE_CHARS
from dataflows.domain.redaction import Redacted, Redactor
from dataflows.domain.redaction.lists import Lists
from dataflows.domain.rejections import RejectReason
from dataflows.domain.rules import NO_RULES
from dataflows.domain.throttling import Bucket, Policy
from dataflows.steps.alarming import MAX_TEXT
from dataflows.steps.triage import CUT_LETTER, MAX_UNPACKED_LETTERS, AlarmingBatch, RejectedBatch, Triage

ARRIVAL = 1_763_764_859.0
SECRET = "hunter" + "2" * 10


def batch(*data: bytes) -> RecordBatch:
    """A batch of one shard with these records."""
    count = len(data)
    return RecordBatch("slot-03", "logs", "shardId-3", [str(n) for n in range(count)], list(data), [ARRIVAL] * count)


def wire(**record: Any) -> bytes:
    """A record as Fluent Bit ships it."""
    return json.dumps(record, ensure_ascii=False).encode() + b"\n"


ERROR = wire(level="ERROR", log="boom 7", kubernetes={"pod_name": "api-1", "host": "node-1"}, service="api")
INFO = wire(level="INFO", log="fine")


def sort(*data: bytes) -> tuple[list[Any], list[Any]]:
    """The alarms and the rejected pieces of one batch."""
    alarms: list[Any] = []
    rejected: list[Any] = []
    for out in Triage(None)([batch(*data)]):
        if isinstance(out, AlarmingBatch):
            alarms += out.alarms
        else:
            rejected += out.pieces
    return alarms, rejected


def reasons(*data: bytes) -> list[RejectReason]:
    """Why the pieces of these records are rejected."""
    return [piece.reason for piece in sort(*data)[1]]


DEEP = b"[" * 10_000 + b"]" * 10_000
MALFORMED: dict[str, tuple[bytes, RejectReason]] = {
    "empty": (b"", RejectReason.EMPTY),
    "line end": (b"\n", RejectReason.EMPTY),
    "cut off": (ERROR[:20], RejectReason.CUT_OFF),
    "array": (b'[{"level":"ERROR"}]\n', RejectReason.NOT_AN_OBJECT),
    "binary": (bytes(range(128, 256)), RejectReason.BAD_UTF8),
    "plain text": (b"ERROR boom\n", RejectReason.NOT_JSON),
    "truncated gzip": (gzip.compress(ERROR * 50)[:-9], RejectReason.BAD_COMPRESSION),
    "truncated zstd": (zstandard.compress(ERROR * 50)[:-2], RejectReason.BAD_COMPRESSION),
    "too large": (gzip.compress(wire(level="ERROR", log="x" * MAX_PIECE_BYTES)), RejectReason.TOO_LARGE),
    "wrong type": (wire(level="ERROR", log=7), RejectReason.WRONG_TYPE),
    "unknown level": (wire(level="LOUD", log="x"), RejectReason.UNKNOWN_LEVEL),
    "bad utf-8": (b'{"level":"ERROR","log":"\xff"}\n', RejectReason.BAD_UTF8),
    "bad utf-8 below": (b'{"level":"INFO","log":"\xff"}\n', RejectReason.BAD_UTF8),
    "deep": (b'{"level":"ERROR","log":"x","n":' + DEEP + b"}\n", RejectReason.TOO_DEEP),
    "deep below": (b'{"level":"INFO","log":"x","n":' + DEEP + b"}\n", RejectReason.TOO_DEEP),
    "long level number": (wire(level="9" * 5_000, log="x"), RejectReason.UNKNOWN_LEVEL),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_record_is_a_dead_letter_and_the_stream_goes_on(name: str) -> None:
    """Each has the right reason and its whole raw bytes, and the records around it are read as ever."""
    raw, reason = MALFORMED[name]
    alarms, rejected = sort(ERROR, raw, ERROR)
    (bad,) = rejected
    assert (2, reason, "shardId-3", "1", 0, ARRIVAL) == (
        len(alarms),
        bad.reason,
        bad.shard,
        bad.sequence,
        bad.sub,
        bad.arrival_ts,
    )
    assert bad.raw in {raw, raw.rstrip(b"\n"), gzip.decompress(raw).rstrip(b"\n") if name == "too large" else raw}


def test_all_at_once() -> None:
    """One batch of everything: as many dead letters as malformed records, each with its own place."""
    alarms, rejected = sort(*(raw for raw, _ in MALFORMED.values()), ERROR, INFO)
    assert (1, [reason for _, reason in MALFORMED.values()]) == (len(alarms), [bad.reason for bad in rejected])
    assert [str(n) for n in range(len(MALFORMED))] == [bad.sequence for bad in rejected]


@pytest.mark.parametrize("depth", [30, 400, 600, 900, 980, 2_000])
@pytest.mark.parametrize("name", ["n", "password"])
def test_no_nesting_stops_the_stream(depth: int, name: str) -> None:
    """Between what is shallow and what the decoder refuses, every depth is an alarm or a dead letter."""
    nested = b'{"level":"ERROR","log":"x","%b":' % name.encode() + b'{"a":' * depth + b"1" + b"}" * (depth + 1)
    alarms, rejected = sort(nested)
    assert 1 == len(alarms) + len(rejected)


def test_a_valid_record_of_one_mebibyte_passes() -> None:
    """The largest record that Kinesis takes is read; one byte more is not."""
    frame = len(wire(level="ERROR", log="")) - 1
    largest = wire(level="ERROR", log="x" * (MAX_PIECE_BYTES - frame))[:-1]
    assert MAX_PIECE_BYTES == len(largest)
    (alarm,), rejected = sort(largest)
    assert ([], MAX_TEXT) == (rejected, len(alarm.sighting.text))
    assert [RejectReason.TOO_LARGE] == reasons(largest.replace(b'"x', b'"xx', 1))


def test_duplicate_keys_are_counted_and_the_last_wins() -> None:
    """A key twice is no reason to reject: the last value holds, and a counter tells."""
    before = REGISTRY.get_sample_value("cali_pieces_duplicate_keys_total") or 0.0
    (alarm,), rejected = sort(b'{"level":"INFO","level":"ERROR","log":"a","log":"boom"}')
    assert ("ERROR", "boom", [], 1.0) == (
        alarm.sighting.level,
        alarm.sighting.text,
        rejected,
        (REGISTRY.get_sample_value("cali_pieces_duplicate_keys_total") or 0.0) - before,
    )


@pytest.mark.parametrize("lines", [1, 40])
def test_what_a_bomb_holds_is_not_kept_whole(lines: int) -> None:
    """Of what compressed records unpack into a bounded part is kept; each letter says what it is and where the rest."""
    line = b"x" * (40 * 2**20 // lines)
    bomb = gzip.compress(b"\n".join([line] * lines))
    _, rejected = sort(bomb, bomb, b"x" * 5_000)
    kept = sum(len(bad.raw) for bad in rejected)
    cut = [bad for bad in rejected if len(bad.raw) == CUT_LETTER]
    assert (2 * lines + 1, True) == (len(rejected), kept <= MAX_UNPACKED_LETTERS + 2 * len(bomb) + 5_000)
    assert {f"the first {CUT_LETTER} of its {len(line)} bytes, whole in the archive"} == {
        bad.detail.rpartition("; ")[2] for bad in cut
    }
    assert b"x" * 5_000 == rejected[-1].raw


def test_what_is_not_compressed_is_never_cut() -> None:
    """A batch of full records that nobody can read: dead letters as whole as they came."""
    record = b"x" * MAX_PIECE_BYTES
    _, rejected = sort(*[record] * 40)
    assert [record] * 40 == [bad.raw for bad in rejected]


def test_pieces_of_one_record_have_numbers_of_their_own() -> None:
    """A compressed record of several lines gives pieces in order; a bad one between them is a dead letter alone."""
    alarms, rejected = sort(gzip.compress(ERROR + INFO + b"oops\n" + ERROR))
    assert (["shardId-3-0-0", "shardId-3-0-3"], [(2, b"oops")]) == (
        [alarm.sighting.record_id for alarm in alarms],
        [(bad.sub, bad.raw) for bad in rejected],
    )


def test_the_books_balance() -> None:
    """Pieces = alarming + below level + rejected, in the counters as in the streams."""
    names = ("cali_pieces_total", "cali_pieces_below_level_total")
    before = [REGISTRY.get_sample_value(name) or 0.0 for name in names]
    alarms, rejected = sort(*[ERROR] * 3, *[INFO] * 5, b"x", gzip.compress(INFO + ERROR)[:-3], INFO + ERROR)
    pieces, below = (
        (REGISTRY.get_sample_value(name) or 0.0) - start for name, start in zip(names, before, strict=True)
    )
    assert (12.0, 6.0, 4, 2) == (pieces, below, len(alarms), len(rejected))


def test_streams_of_a_batch() -> None:
    """A batch gives at most one alarming and one rejected batch, both with its slot; an uninteresting one nothing."""
    out = Triage(None)([batch(ERROR, b"x", ERROR), batch(INFO), batch(ERROR)])
    assert [(AlarmingBatch, "slot-03"), (RejectedBatch, "slot-03"), (AlarmingBatch, "slot-03")] == [
        (type(part), part.slot) for part in out
    ]


def test_a_sighting_has_what_the_throttle_needs() -> None:
    """Fault, place and text of a record; the fault is the fingerprint and the service."""
    (alarm,), _ = sort(ERROR)
    seen = alarm.sighting
    assert ("api", "api-1", "node-1", "boom 7", ARRIVAL, ARRIVAL, "message") == (
        seen.fault.partition(":")[2],
        seen.pod,
        seen.node,
        seen.text,
        seen.event_ts,
        seen.arrival_ts,
        seen.kind,
    )


def test_nothing_secret_leaves_triage() -> None:
    """A mail address or password is in no part of a sighting or document, wherever the record had it."""
    mail = "kim.minsu@" + "example.com"
    record = wire(
        level="ERROR",
        log=f"login of {mail} failed: password={SECRET}",
        service=f"api {mail}",
        version=mail,
        trace_id=mail,
        request_id=mail,
        user={"mail": mail, "password": SECRET},
    )
    (alarm,), _ = sort(record)
    everything = repr(alarm.sighting) + alarm.document.decode()
    assert (False, False) == (mail in everything, SECRET in everything)


@pytest.mark.parametrize("before", range(40, 101, 12))
def test_a_secret_at_the_cut_of_a_name_is_hidden(before: int) -> None:
    """A service's name is redacted and then cut: neither half a token nor half a mark is left, and it is bounded."""
    token = "gh" + "p_" + "A1b2" * 9
    [alarm], _ = sort(wire(level="ERROR", log="boom", service=f"{'x' * before} {token}"))
    service = alarm.sighting.fault.partition(":")[2]
    expected = "x" * before + (" [GITHUB_TOKEN]" if before + 15 <= MAX_SERVICE_CHARS else " ")
    assert expected[:MAX_SERVICE_CHARS] == service
    assert b"A1b2" not in alarm.document


def test_our_own_fault_costs_one_record() -> None:
    """If CALI itself fails on a piece, that piece is a dead letter that names the bug, and the stream goes on."""

    class Broken(Redactor):
        """Fails on one text."""

        def __call__(self, text: str, key: bytes | None = None) -> Redacted:
            if "poison" in text:
                raise LookupError
            return super().__call__(text, key)

    poison = wire(level="ERROR", log="poison")
    out = Triage(None, redactor=Broken())([batch(ERROR, poison, ERROR)])
    alarming, rejected = out
    assert isinstance(alarming, AlarmingBatch)
    assert isinstance(rejected, RejectedBatch)
    assert (2, [(RejectReason.FAULT, poison[:-1])]) == (
        len(alarming.alarms),
        [(bad.reason, bad.raw) for bad in rejected.pieces],
    )
    assert "LookupError" in rejected.pieces[0].detail


def test_new_faults_beyond_the_cap_fall_back_and_are_counted() -> None:
    """Beyond the cap a record goes on under its coarse fingerprint, in the sighting and in its document alike."""
    before = REGISTRY.get_sample_value("cali_fingerprints_capped_total", {"to": "coarse"}) or 0.0
    lines = [
        wire(level="ERROR", log=f"we miss one item called {word}", service="api") for word in ("kiwi", "fig", "nut")
    ]
    (out,) = Triage(None, cap=NewFaultCap(1))([batch(*lines)])
    assert isinstance(out, AlarmingBatch)
    first, second, _ = out.alarms
    assert (False, f"{second.sighting.coarse}:api") == (
        first.sighting.fault == f"{first.sighting.coarse}:api",
        second.sighting.fault,
    )
    assert second.sighting.coarse == json.loads(second.document)["fingerprint"]
    assert 2.0 == (REGISTRY.get_sample_value("cali_fingerprints_capped_total", {"to": "coarse"}) or 0.0) - before


def test_lists_of_the_deployment_hold_for_message_and_fields() -> None:
    """What the deployment denies is in neither the message nor the fields of a document."""
    redactor = Redactor(Lists(deny=("EMP-[0-9]+",), deny_fields=("badge",)))
    line = wire(level="ERROR", log="EMP-7 refused", badge="x9", note="by EMP-8", service="api")
    (out,) = Triage(None, redactor=redactor)([batch(line)])
    assert isinstance(out, AlarmingBatch)
    document = out.alarms[0].document.decode()
    assert ("[DENIED] refused", []) == (
        out.alarms[0].sighting.text,
        [word for word in ("EMP-7", "EMP-8", "x9") if word in document],
    )


def test_own_records_never_alarm() -> None:
    """What CALI's own pods log is kept in the archive only: an error about sending alerts must not feed itself."""
    pods = [{"pod_name": "cali-0"}, {"pod_name": "cali-12"}, {"pod_name": "x", "labels": {LABEL: VALUE}}]
    others = [{"pod_name": "cali"}, {"pod_name": "cali-api-7d9f"}, {"pod_name": "api-0", "labels": {LABEL: "shop"}}]
    lines = [
        json.dumps({"level": "ERROR", "log": "posting failed", "kubernetes": place}).encode() for place in pods + others
    ]
    before = REGISTRY.get_sample_value("cali_pieces_own_total") or 0.0
    (out,) = Triage(None, own=Own("cali-0"))([batch(*lines)])
    named = [alarm.sighting.pod for alarm in out.alarms]  # type: ignore[union-attr] # there is nothing rejected
    assert (["cali-api-7d9f", "api-0"], 4.0) == (
        named,
        (REGISTRY.get_sample_value("cali_pieces_own_total") or 0.0) - before,
    )


def test_the_same_error_in_two_namespaces_is_two_faults() -> None:
    """Staging does not keep production quiet; the service's name stays as it is."""
    names = ("staging", "production", "staging")
    alarms, _ = sort(
        *(wire(level="ERROR", log="boom 7", service="api", kubernetes={"namespace_name": n}) for n in names)
    )
    policy = Policy(300.0, 5.0, 900.0, 3_600.0, 86_400.0, 86_400.0, 100, 100)
    told = Bucket(None, policy).see([alarm.sighting for alarm in alarms], ARRIVAL, NO_RULES).alerts
    assert [("api", "staging"), ("api", "production")] == [(alert["service"], alert["namespace"]) for alert in told]
    assert len({alert["fingerprint"] for alert in told}) == 1
