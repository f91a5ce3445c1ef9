"""The suites, executed by Great Expectations in memory: no context on disk, no analytics."""

import os
from typing import Any

import pandas as pd  # type: ignore[import-untyped,unused-ignore]

from archive_jobs.contents import Contents
from archive_jobs.measures import Measures
from archive_jobs.results import FORMAT, CheckResult, Result
from archive_jobs.suites import VERSION, Check, Limits, checks

_PLACES = 5
"""Places that are told of a failed check."""
_COLUMNS = {
    "records": ["place", "level", "service", "arrived", "unreadable", "lateness_s"],
    "objects": ["place", "shard", "problem", "unreadable", "outside", "disorder"],
    "shards": ["place", "records", "silent_records"],
    "redacted": ["place", "text"],
}
"""Of a table that may have no row at all."""


class ExpectationError(RuntimeError):
    """An expectation could not be evaluated: a bug, or another release of Great Expectations."""


def result_of(found: Contents, measured: Measures, limits: Limits) -> Result:
    """Validate every table. The same measures give the same result.

    Raises:
        ExpectationError: an expectation raised.
    """
    os.environ["GX_ANALYTICS_ENABLED"] = "false"  # read when the package is imported, which takes seconds
    import great_expectations as gx  # type: ignore[import-not-found,unused-ignore] # noqa: PLC0415 - seconds

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    source = context.data_sources.add_pandas("measures")
    done: list[CheckResult] = []
    for name, rows in measured._asdict().items():
        frame = pd.DataFrame(rows, columns=_COLUMNS.get(name))
        asset = source.add_dataframe_asset(name)
        batch = asset.add_batch_definition_whole_dataframe(name).get_batch({"dataframe": frame})
        done += [_validated(gx, batch, frame, check) for check in checks(limits) if check.table == name]
    order = [check.id for check in checks(limits)]
    done.sort(key=lambda one: order.index(one["check"]))
    return Result(
        format=FORMAT,
        suite=VERSION,
        hour=found.hour.text,
        passed=all(one["passed"] for one in done),
        measured={name: value for name, value in measured.hour[0].items() if name != "place"},
        checks=done,
    )


def _validated(gx: Any, batch: Any, frame: pd.DataFrame, check: Check) -> CheckResult:  # noqa: ANN401 - GX has no types
    told = batch.validate(
        check.make(gx.expectations),
        result_format={"result_format": "SUMMARY", "unexpected_index_column_names": ["place"]},
    )
    if any(info.get("raised_exception") for info in _exceptions(told.exception_info)):
        msg = f"the check {check.id!r} could not be evaluated: {told.exception_info}"
        raise ExpectationError(msg)
    seen = told.result
    return CheckResult(
        check=check.id,
        passed=bool(told.success),
        looked_at=int(seen.get("element_count", 0)),
        unexpected=int(seen.get("unexpected_count", 0)),
        allowed_share=round(1 - check.mostly, 6),
        observed=_number(frame[check.column].iloc[0]) if check.number else None,
        expected=check.expected,
        places=[str(row["place"]) for row in seen.get("partial_unexpected_index_list") or []][:_PLACES],
    )


def _exceptions(info: dict[str, Any]) -> list[dict[str, Any]]:
    """GX gives one such dict, or one for each metric that failed."""
    return [info] if "raised_exception" in info else list(info.values())


def _number(value: Any) -> float | None:  # noqa: ANN401 - a cell
    return None if value is None or pd.isna(value) else float(value)
