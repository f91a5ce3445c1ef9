# ruff: noqa: INP001 - DAG files are no package: the installed `airflow` must not be shadowed
"""Hourly: is the archive of the hour good? The result goes to the bucket, a bad one to Slack, and the run fails.

Wiring only: what is checked is in archive_jobs, what it means in docs/data_quality.md of the repository.
"""

from datetime import UTC, datetime

from airflow.providers.standard.sensors.time_delta import TimeDeltaSensor
from airflow.sdk import CronDataIntervalTimetable, dag
from cali_steps import CHECK_OPTIONS, DEFAULTS, HOUR_PARAM, SETTLED, step

HOUR = "{{ params.hour or data_interval_start.strftime('%Y-%m-%dT%H') }}"


@dag(
    schedule=CronDataIntervalTimetable("0 * * * *", timezone="UTC"),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=4,
    default_args=DEFAULTS,
    params=HOUR_PARAM,
    tags=["cali", "archive"],
    doc_md=__doc__,
)
def data_quality_check() -> None:
    """Wait until the hour's objects are there; check; tell; judge."""
    settled = TimeDeltaSensor(task_id="settled", delta=SETTLED, deferrable=True)
    check = step("check", "check", "--hour", HOUR, *CHECK_OPTIONS)
    tell = step("tell", "tell", "--hour", HOUR)
    verdict = step("verdict", "verdict", "--hour", HOUR, retries=0)  # a bad hour is as bad when asked again
    settled >> check >> tell >> verdict


data_quality_check()
