"""Exception groups of Python, as the interpreter prints them."""

import traceback
from collections.abc import Callable

from dataflows.domain.fingerprint import fingerprint

FRAMELESS = """  + Exception Group Traceback (most recent call last):
  |   File "/app/t.py", line 3, in run
  | ExceptionGroup: x (2 sub-exceptions)
  +-+---------------- 1 ----------------
    | {}: 1
    +---------------- 2 ----------------
    | {}: 3
    +------------------------------------"""


class DrainedError(Exception):
    """An exception with a name of its own."""


def _parse(number: int) -> None:
    raise ValueError(number)


def _drain(number: int) -> None:
    raise DrainedError(number)


def _chained(number: int) -> None:
    try:
        _parse(number)
    except ValueError as err:
        raise KeyError(number) from err


def _caught(call: Callable[[int], None], number: int) -> Exception:
    try:
        call(number)
    except Exception as err:  # noqa: BLE001 - any exception is a member
        return err
    raise AssertionError(call)


def _grouped(*members: Exception) -> str:
    return "".join(traceback.format_exception(_raised("unhandled", *members)))


def _raised(message: str, *members: Exception) -> Exception:
    def group(_: int) -> None:
        raise ExceptionGroup(message, members)

    return _caught(group, 0)


def _nested() -> Exception:
    return _raised("inner", _caught(_drain, 9))


def test_the_group_is_outermost_and_members_are_sorted() -> None:
    """The type of the group comes first, then its members, each with its causes."""
    got = fingerprint(_grouped(_caught(_chained, 1), _caught(_drain, 2)), "s").types
    assert ["ExceptionGroup", "KeyError", "ValueError", "DrainedError"] == [name.rpartition(".")[2] for name in got]


def test_order_of_members_does_not_matter() -> None:
    """Tasks fail in any order and the group is the same fault, also with a group among them."""
    calls = [lambda: _caught(_parse, 1), lambda: _caught(_chained, 2), lambda: _caught(_drain, 3), _nested]
    orders = [(0, 1, 2, 3), (3, 2, 1, 0), (1, 3, 0, 2)]
    got = {fingerprint(_grouped(*(calls[index]() for index in order)), "s")[:4] for order in orders}
    assert 1 == len(got)


def test_the_number_of_equal_members_does_not_matter() -> None:
    """Three tasks that fail alike are the same fault as two."""
    two, three = (_grouped(*(_caught(_parse, number) for number in range(count))) for count in (2, 3))
    assert fingerprint(two, "s").fingerprint == fingerprint(three, "s").fingerprint


def test_another_member_is_another_fault() -> None:
    """A group with a member of another type differs."""
    one, other = _grouped(_caught(_parse, 1)), _grouped(_caught(_drain, 1))
    assert fingerprint(one, "s").fingerprint != fingerprint(other, "s").fingerprint


def test_members_without_frames() -> None:
    """An exception that was never raised has only its header, and counts."""
    one, same, other = (
        fingerprint(FRAMELESS.format(*names), "s")
        for names in (("ValueError", "KeyError"), ("KeyError", "ValueError"), ("TypeError", "KeyError"))
    )
    assert ("ExceptionGroup", "KeyError", "ValueError") == one.types
    assert (True, False) == (one.fingerprint == same.fingerprint, one.fingerprint == other.fingerprint)


def test_deep_groups_are_bounded() -> None:
    """Bars of any depth give a fingerprint: depth is capped, so nothing recurses with the input."""
    text = "\n".join(f"{' ' * (2 * depth)}+-+---------------- 1 ----------------" for depth in range(390))
    deep = 'Traceback (most recent call last):\n  File "a.py", line 1, in f\n' + text
    assert "trace" == fingerprint(deep + "\nValueError: x", "s").kind
