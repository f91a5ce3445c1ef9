# ruff: noqa: INP001 - DAG files are no package: the installed `airflow` must not be shadowed
"""Hourly and daily: what was in the archive, as Parquet for Athena; and small archive objects merged.

Wiring only: see archive_jobs, and docs/data_quality.md of the repository for the tables.
"""

from datetime import UTC, datetime, timedelta

from airflow.providers.standard.sensors.time_delta import TimeDeltaSensor
from airflow.sdk import CronDataIntervalTimetable, dag
from cali_steps import DEFAULTS, HOUR_PARAM, SETTLED, step

HOUR = "{{ params.hour or data_interval_start.strftime('%Y-%m-%dT%H') }}"
DAY = "{{ data_interval_start.strftime('%Y-%m-%d') }}"
SETTLED_DAY = "{{ (data_interval_start - macros.timedelta(days=1)).strftime('%Y-%m-%d') }}"


@dag(
    schedule=CronDataIntervalTimetable("0 * * * *", timezone="UTC"),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,  # an hour asks the roll-ups before it what is new
    default_args=DEFAULTS,
    params=HOUR_PARAM,
    tags=["cali", "archive"],
    doc_md=__doc__,
)
def log_aggregation() -> None:
    """Wait until the hour's objects are there; roll them up."""
    settled = TimeDeltaSensor(task_id="settled", delta=SETTLED, deferrable=True)
    settled >> step("aggregate", "aggregate", "--hour", HOUR)


@dag(
    schedule=CronDataIntervalTimetable("0 0 * * *", timezone="UTC"),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    default_args=DEFAULTS | {"execution_timeout": timedelta(hours=3)},
    tags=["cali", "archive"],
    doc_md=__doc__,
)
def log_aggregation_daily() -> None:
    """Roll the day's hours up, once they are; merge the small objects of the day before, which nothing comes into."""
    settled = TimeDeltaSensor(task_id="settled", delta=timedelta(hours=2), deferrable=True)
    settled >> step("aggregate_day", "aggregate", "--day", DAY)
    settled >> step("compact_day", "compact", "--day", SETTLED_DAY)


log_aggregation()
log_aggregation_daily()
