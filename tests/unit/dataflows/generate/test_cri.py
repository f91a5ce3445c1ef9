"""Container log files as containerd writes them."""

import re
from collections import defaultdict
from pathlib import Path

import pytest

from dataflows.generate import cri
from dataflows.generate.generator import Emitted

LINE = re.compile(
    rb"(?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z) (?P<stream>stdout|stderr) (?P<tag>[FP]) (?P<text>.*)"
)


def joined(raw: bytes) -> str:
    """What a reader of the format makes of it: parts joined up to each F, lines joined by newlines."""
    lines, parts = [], b""
    for line in raw.removesuffix(b"\n").split(b"\n"):
        found = LINE.fullmatch(line)
        assert found is not None
        parts += found["text"]
        if found["tag"] == b"F":
            lines.append(parts.decode())
            parts = b""
    assert parts == b""
    return "\n".join(lines)


def test_parts_join_to_the_original(entries: list[Emitted]) -> None:
    """Splitting into lines and parts loses nothing, whatever the length."""
    assert [entry.source for entry in entries if joined(cri.render(entry)) != entry.text] == []


def test_only_lines_above_16_kib_are_split(entries: list[Emitted]) -> None:
    """P parts are full, and occur for the long lines only; the default run has some."""
    longs = [entry for entry in entries if len(max(entry.text.encode().split(b"\n"), key=len)) > cri.MAX_PART_BYTES]
    split = [entry for entry in entries if b" P " in cri.render(entry)[:60]]
    assert longs == split
    assert len(split) > 0
    for entry in split:
        found = [match for line in cri.render(entry).splitlines() if (match := LINE.fullmatch(line))]
        assert {len(match["text"]) for match in found if match["tag"] == b"P"} == {cri.MAX_PART_BYTES}


def test_each_line_of_a_trace_is_a_line_of_the_file(entries: list[Emitted]) -> None:
    """A multi-line entry is not kept together: that is Fluent Bit's work."""
    entry = next(entry for entry in entries if entry.truth == "deadlock/inventory")
    assert cri.render(entry).count(b" stdout F ") == len(entry.text.split("\n"))
    assert len(entry.text.split("\n")) > 15


def test_one_file_per_pod_holds_its_entries_in_order(entries: list[Emitted], tmp_path: Path) -> None:
    """The directory holds a file for each pod, named like the kubelet names it, with that pod's entries."""
    expected: dict[str, list[str]] = defaultdict(list)
    with cri.CriWriter(tmp_path / "containers") as writer:
        for entry in entries[:3_000]:
            writer.write(entry)
            expected[cri.file_name(entry.pod)].append(entry.text)
    got = {path.name: joined(path.read_bytes()) for path in (tmp_path / "containers").iterdir()}
    assert got == {name: "\n".join(texts) for name, texts in expected.items()}
    shape = re.compile(r"[a-z]+-[a-z0-9]{10}-[a-z0-9]{5}_shop_[a-z]+-[0-9a-f]{64}\.log")
    assert [name for name in got if not shape.fullmatch(name)] == []


def test_flush_shows_what_was_written(entries: list[Emitted], tmp_path: Path) -> None:
    """A tail can follow a run that is still going on."""
    with cri.CriWriter(tmp_path) as writer:
        writer.write(entries[0])
        writer.flush()
        assert joined((tmp_path / cri.file_name(entries[0].pod)).read_bytes()) == entries[0].text


def test_a_second_run_into_the_same_directory_is_refused(entries: list[Emitted], tmp_path: Path) -> None:
    """The same pods twice would double every record; the error names the directory."""
    with cri.CriWriter(tmp_path) as writer:
        writer.write(entries[0])
    with cri.CriWriter(tmp_path) as writer, pytest.raises(FileExistsError, match="give an empty directory"):
        writer.write(entries[0])
