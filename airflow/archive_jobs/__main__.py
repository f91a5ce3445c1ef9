"""The command line: `python -m archive_jobs check|tell|verdict|aggregate|compact`; one JSON line on standard output.

Exit status: 0 done, 1 the verdict is that the hour is bad, 2 the arguments or settings cannot work, 3 try again,
4 an error of this program.
"""

import argparse
import gc
import json
import sys
import time
import traceback
from collections.abc import Sequence
from typing import Any

from archive_jobs import compaction, quality, rollup
from archive_jobs.hours import parse_day, parse_hour
from archive_jobs.results import failed, sentence
from archive_jobs.suites import Limits
from connectors.errors import ConnectorError
from dataflows.messengers import messenger
from dataflows.settings import SettingsError, load

BAD, UNUSABLE, AGAIN, BROKEN = 1, 2, 3, 4


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="archive_jobs", description="What is done with the archive the day after.")
    commands = parser.add_subparsers(dest="command", required=True)
    told = {
        "check": "check an hour; the result goes to the bucket",
        "tell": "post to Slack if the hour is bad, once",
        "verdict": "end with status 1 if the hour is bad",
        "aggregate": "roll an hour or a day up to Parquet",
        "compact": "merge small archive objects of an hour or a day",
    }
    made = {name: commands.add_parser(name, help=text) for name, text in told.items()}
    for name, one in made.items():
        days = name in {"aggregate", "compact"}
        span = one.add_mutually_exclusive_group(required=True)
        span.add_argument("--hour", metavar="2026-11-21T09", help="in UTC")
        if days:
            span.add_argument("--day", metavar="2026-11-21", help="in UTC")
    made["check"].add_argument("--pushgateway", metavar="URL", help="push the metrics there, too")
    for field, default in Limits._field_defaults.items():
        text = f"see docs/data_quality.md; {default:g} if not given"
        made["check"].add_argument(f"--{field.replace('_', '-')}", type=float, default=default, help=text)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit status."""
    options = _parser().parse_args(arguments)
    try:
        line, status = _run(options)
    except (ValueError, quality.NotCheckedError, rollup.MissingHourError, SettingsError) as err:
        sys.stderr.write(f"{err}\n")
        return UNUSABLE
    except (ConnectorError, quality.NotToldError, OSError) as err:
        sys.stderr.write(f"{type(err).__name__}: {err}\n")
        return AGAIN
    except Exception:  # noqa: BLE001 - Python would end with 1, which says that the hour is bad
        traceback.print_exc()
        return BROKEN
    sys.stdout.write(json.dumps(line) + "\n")
    return status


def _run(options: argparse.Namespace) -> tuple[dict[str, Any], int]:
    if options.command == "check":
        limits = Limits(**{field: getattr(options, field) for field in Limits._fields}).checked()
    settings = load()
    if options.command == "aggregate":
        if options.day:
            return {"day": options.day, "rows": rollup.aggregate_day(settings, parse_day(options.day))}, 0
        return {"hour": options.hour, "rows": rollup.aggregate_hour(settings, parse_hour(options.hour))}, 0
    if options.command == "compact":
        hours = parse_day(options.day) if options.day else [parse_hour(options.hour)]
        done = {hour.text: compaction.compact(settings, hour, time.time())._asdict() for hour in hours}
        return {"hours": done}, 0
    hour = parse_hour(options.hour)
    if options.command == "tell":
        to, _ = messenger(settings)
        return {"hour": hour.text, "told": quality.tell(settings, hour, to)}, 0
    if options.command == "check":
        result = quality.check(settings, hour, limits, options.pushgateway)
    else:
        result = quality.result(settings, hour)
    bad = [sentence(one) for one in failed(result)]
    told = {"hour": hour.text, "passed": result["passed"], "failed": bad}
    return told, BAD if bad and options.command == "verdict" else 0


if __name__ == "__main__":
    gc.disable()  # a job ends in seconds and makes no cycles to speak of: a fifth of the time, and the same memory
    sys.exit(main())
