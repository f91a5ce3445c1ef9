"""The roll-ups: what was in an hour or a day, as Parquet for Athena and DuckDB. The same data give the same bytes."""

from io import BytesIO

import duckdb
import pyarrow as pa  # type: ignore[import-untyped] # it has no types
import pyarrow.parquet as pq  # type: ignore[import-untyped] # likewise

from archive_jobs.bucket import Bucket
from archive_jobs.contents import contents
from archive_jobs.hours import DAY_HOURS, WEEK_DAYS, Hour
from archive_jobs.reader import Reader
from dataflows.settings import Settings

TABLES = ("counts", "faults", "dead_letters")

_HOURLY = {
    "counts": """
        SELECT coalesce(service, '') AS service, coalesce(namespace, '') AS namespace, coalesce(level, '') AS level,
               fingerprint, coalesce(version, '') AS version, count(*) AS records,
               epoch_ms(min(arrived)) AS first_seen, epoch_ms(max(arrived)) AS last_seen
        FROM pieces GROUP BY ALL ORDER BY ALL
    """,
    "faults": """
        SELECT fingerprint, service, namespace, min(template) AS template,
               arg_max(level, list_position(['WARN', 'ERROR', 'FATAL'], level)) AS level, count(*) AS records,
               epoch_ms(min(arrived)) AS first_seen, epoch_ms(max(arrived)) AS last_seen,
               array_to_string(list_sort(list_filter(list(DISTINCT version), lambda v: v <> '')), ',') AS versions,
               (fingerprint, service, namespace) NOT IN
                   (SELECT (fingerprint, service, namespace) FROM known) AS is_new
        FROM pieces WHERE fingerprint <> ''
        GROUP BY fingerprint, service, namespace
        ORDER BY is_new DESC, records DESC, fingerprint, service, namespace
    """,
    "dead_letters": """
        SELECT reason, shard, count(*) AS pieces,
               epoch_ms(min(arrived)) AS first_seen, epoch_ms(max(arrived)) AS last_seen
        FROM letters GROUP BY ALL ORDER BY ALL
    """,
}
_DAILY = {
    "counts": """
        SELECT service, namespace, level, fingerprint, version, sum(records)::BIGINT AS records,
               min(first_seen) AS first_seen, max(last_seen) AS last_seen
        FROM hours GROUP BY ALL ORDER BY ALL
    """,
    "faults": """
        SELECT fingerprint, service, namespace, min(template) AS template,
               arg_max(level, list_position(['WARN', 'ERROR', 'FATAL'], level)) AS level,
               sum(records)::BIGINT AS records, min(first_seen) AS first_seen, max(last_seen) AS last_seen,
               array_to_string(list_sort(list_filter(
                   list_distinct(flatten(list(string_split(versions, ',')))), lambda v: v <> ''
               )), ',') AS versions,
               bool_or(is_new) AS is_new
        FROM hours GROUP BY fingerprint, service, namespace
        ORDER BY is_new DESC, records DESC, fingerprint, service, namespace
    """,
    "dead_letters": """
        SELECT reason, shard, sum(pieces)::BIGINT AS pieces, min(first_seen) AS first_seen, max(last_seen) AS last_seen
        FROM hours GROUP BY ALL ORDER BY ALL
    """,
}
_KNOWN = pa.schema([(name, pa.string()) for name in ("fingerprint", "service", "namespace")])


def hour_key(table: str, hour: Hour) -> str:
    """Key of an hourly roll-up: Hive-style partitions, as the archive's."""
    return f"{hour.folder(f'rollups/hourly/{table}')}part-0.parquet"


def day_key(table: str, day: str) -> str:
    """Key of a daily roll-up."""
    return f"rollups/daily/{table}/date={day}/part-0.parquet"


def aggregate_hour(settings: Settings, hour: Hour) -> dict[str, int]:
    """Roll an hour up and write its tables; rows by table. Again over the same data it writes the same.

    A fault is new if no roll-up of the seven days before has it, so those are to be made first.
    """
    bucket = Bucket(settings.s3)
    found = contents(bucket, Reader(settings), hour)
    before = [hour_key("faults", hour.before(n)) for n in range(1, WEEK_DAYS * DAY_HOURS + 1)]
    tables = {"pieces": found.pieces, "letters": found.letter_table, "known": _known(bucket, before)}
    made = {name: _asked(query, tables) for name, query in _HOURLY.items()}
    for name, table in made.items():
        bucket.write(hour_key(name, hour), to_parquet(table), "application/vnd.apache.parquet")
    return {name: table.num_rows for name, table in made.items()}


def aggregate_day(settings: Settings, hours: list[Hour]) -> dict[str, int]:
    """Roll the hourly roll-ups of a day up; rows by table.

    Raises:
        MissingHourError: an hour is not rolled up; it is named. Nothing is written.
    """
    bucket, rows = Bucket(settings.s3), {}
    there = {key for name in _DAILY for key in bucket.keys(f"rollups/hourly/{name}/date={hours[0].day}/")}
    if missing := [hour.text for hour in hours if any(hour_key(name, hour) not in there for name in _DAILY)]:
        raise MissingHourError(missing)
    for name, query in _DAILY.items():
        parts = [from_parquet(fetched.body) for _, fetched in bucket.read_all(hour_key(name, hour) for hour in hours)]
        table = _asked(query, {"hours": pa.concat_tables(parts)})
        bucket.write(day_key(name, hours[0].day), to_parquet(table), "application/vnd.apache.parquet")
        rows[name] = table.num_rows
    return rows


class MissingHourError(LookupError):
    """Hours of a day are not rolled up yet."""

    def __init__(self, hours: list[str]) -> None:
        told = ", ".join(hours[:3]) + (" and others" if len(hours) > 3 else "")
        super().__init__(f"not rolled up yet: {told}; run `python -m archive_jobs aggregate --hour {hours[0]}` first")


def _known(bucket: Bucket, wanted: list[str]) -> pa.Table:
    """Faults of earlier roll-ups, as far as they are there."""
    days = sorted({key.rpartition("/hour=")[0] + "/" for key in wanted})
    there = {key for day in days for key in bucket.keys(day)}
    tables = [from_parquet(one.body, _KNOWN.names) for _, one in bucket.read_all(key for key in wanted if key in there)]
    return pa.concat_tables([_KNOWN.empty_table(), *tables])


def _asked(query: str, tables: dict[str, pa.Table]) -> pa.Table:
    """The rows of a query. One thread, for the same order of work and the same bytes."""
    with duckdb.connect(config={"threads": 1}) as connection:
        for name, table in tables.items():
            connection.register(name, table)
        return connection.sql(query).to_arrow_table()


def to_parquet(table: pa.Table) -> bytes:
    """A Parquet file."""
    out = BytesIO()
    pq.write_table(table, out, compression="zstd")
    return out.getvalue()


def from_parquet(body: bytes, columns: list[str] | None = None) -> pa.Table:
    """The rows of a Parquet file."""
    return pq.read_table(BytesIO(body), columns=columns)
