"""Fluent Bit's wire format."""

import json
from collections import defaultdict
from typing import Any

from dataflows.generate import wire
from dataflows.generate.generator import Emitted

KUBERNETES = {
    "pod_name",
    "namespace_name",
    "pod_id",
    "labels",
    "host",
    "container_name",
    "docker_id",
    "container_image",
}


def decoded(entries: list[Emitted]) -> list[tuple[Emitted, dict[str, Any]]]:
    """Each entry beside its wire record, read back."""
    return [(entry, json.loads(wire.render(entry))) for entry in entries]


def test_a_record_is_one_ascii_line(entries: list[Emitted]) -> None:
    """Bytes are ASCII with one newline, at the end."""
    for entry in entries[:5_000]:
        raw = wire.render(entry)
        assert raw.isascii()
        assert raw.index(b"\n") == len(raw) - 1


def test_a_record_reads_back_as_it_was(entries: list[Emitted]) -> None:
    """Rendering loses nothing, Korean included."""
    assert [got for _, got in decoded(entries[:2_000])] == [wire.record(entry) for entry in entries[:2_000]]


def test_each_service_uses_one_shape_and_all_three_occur(entries: list[Emitted]) -> None:
    """The log is text, parsed fields or merged JSON, always the same for one service."""
    shapes: dict[str, set[str]] = defaultdict(set)
    for entry, got in decoded(entries):
        (shape,) = {"log", "log_content", "log_json"} & got.keys()
        shapes[entry.service].add(shape)
    assert shapes == {
        "gateway": {"log_json"},
        "checkout": {"log"},
        "payment": {"log_content"},
        "inventory": {"log"},
        "catalog": {"log_json"},
        "notification": {"log"},
        "auth": {"log_content"},
    }


def test_the_shapes_hold_what_fluent_bit_puts_there(entries: list[Emitted]) -> None:
    """Text ends with a newline; parsed fields name level and service; merged JSON has a level and a message."""
    for entry, got in decoded(entries[:5_000]):
        if "log" in got:
            assert got["log"] == entry.text + "\n"
        elif "log_content" in got:
            assert got["log_content"] == entry.text
            assert got["service"] == entry.service
            assert entry.text.startswith(got["timestamp"])
            assert got["level"] in entry.text
        else:
            assert got["log_json"] == json.loads(entry.text)
            assert got["log_json"]["message"] == entry.message
            assert got["log_json"]["level"].upper()[:4] == entry.level[:4]


def test_metadata_and_times(entries: list[Emitted]) -> None:
    """Kubernetes metadata is that of the pod; `@timestamp` has milliseconds and Z and comes last."""
    got = json.loads(wire.render(entries[1]))
    pod = entries[1].pod
    assert got["kubernetes"].keys() == KUBERNETES
    assert got["kubernetes"]["labels"] == {"app": entries[1].service, "version": pod.version}
    assert got["kubernetes"]["pod_name"] == pod.name
    assert got["@timestamp"] == "2026-09-21T14:13:20.252Z"
    assert got["time"] == "2026-09-21T14:13:20.252500000Z"
    assert list(got)[-1] == "@timestamp"
