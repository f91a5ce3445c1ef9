"""Traces as one release prints them."""

import re

import pytest

from dataflows.generate.faults import FAULTS
from dataflows.generate.traces import compile_trace

TRACED = [f"{fault.scenario}.{fault.service}" for fault in FAULTS if fault.traced]


def without_numbers(trace: str) -> str:
    """The trace with its numbers taken out."""
    return re.sub(r"\d+", "", trace)


@pytest.mark.parametrize("name", TRACED)
def test_a_version_moves_numbers_and_nothing_else(name: str) -> None:
    """Two builds print the same frames at other lines."""
    one, other = compile_trace(name, "1.0.0"), compile_trace(name, "1.1.0")
    assert one != other
    assert without_numbers(one) == without_numbers(other)


@pytest.mark.parametrize("name", TRACED)
def test_the_same_version_prints_the_same(name: str) -> None:
    """A build is a build."""
    assert compile_trace(name, "1.0.0") == compile_trace(name, "1.0.0")


def test_frames_of_libraries_do_not_move() -> None:
    """Only the service was rebuilt."""
    library = re.compile(r"\tat org\..*|\tat com\.zaxxer\..*")
    name = "deadlock.inventory"
    assert library.findall(compile_trace(name, "1")) == library.findall(compile_trace(name, "2"))


def test_packaging_names_the_jar_behind_each_frame() -> None:
    """Every Java frame, and only those, gets logback's packaging data."""
    plain = compile_trace("deadlock.inventory", "1.0").split("\n")
    packaged = compile_trace("deadlock.inventory", "1.0", packaging=True).split("\n")
    added = [(line, after.removeprefix(line)) for line, after in zip(plain, packaged, strict=True)]
    assert [line for line, jar in added if bool(jar) != line.startswith("\tat ")] == []
    assert [jar for line, jar in added if "kr.co.moamall" in line] == [" ~[classes/:1.0]"] * 4
