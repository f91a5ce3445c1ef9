"""One line of `cali check`."""

from typing import Literal, NamedTuple


class Line(NamedTuple):
    """What was looked at, how it is, and what to do if it is not well. Holds no secret."""

    verdict: Literal["ok", "warn", "FAIL"]
    """`warn`: the pipeline works, with less; `FAIL`: it does not."""
    what: str
    detail: str

    def __str__(self) -> str:
        return f"{self.verdict:<4}  {self.what:<15} {self.detail}"
