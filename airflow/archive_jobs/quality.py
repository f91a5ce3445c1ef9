"""The quality of one hour: checked, kept in the bucket, told to Slack if it is bad, and judged."""

import json

from prometheus_client import generate_latest, push_to_gateway

from archive_jobs.bucket import Bucket
from archive_jobs.contents import contents
from archive_jobs.hours import Hour
from archive_jobs.measures import measures
from archive_jobs.reader import Reader
from archive_jobs.results import Result, failed, result_key, sentence, to_html, to_json, to_metrics, told_key
from archive_jobs.suites import Limits
from connectors.slack import Outcome
from dataflows.domain.about_cali import alert_about_cali, fingerprint_of
from dataflows.domain.alerts import Alert
from dataflows.domain.rules.terms import Severity
from dataflows.settings import Settings
from dataflows.steps.posting import Messenger

_JOB = "cali-data-quality"
"""Grouping key of a Pushgateway: the newest hour replaces the one before."""
_FINGERPRINT = fingerprint_of("data-quality")


class NotCheckedError(LookupError):
    """There is no result of the hour yet."""


class NotToldError(RuntimeError):
    """Slack did not accept the message; trying again may help."""


def check(settings: Settings, hour: Hour, limits: Limits, pushgateway: str | None = None) -> Result:
    """Check an hour, and write result.json, result.html and metrics.prom; the same data give the same bytes.

    Raises:
        ConnectorError: S3 failed or refused.
        OSError: the Pushgateway did not take the metrics. The result is written by then.
    """
    from archive_jobs.expectations import result_of  # noqa: PLC0415 - Great Expectations takes ten seconds to load

    bucket = Bucket(settings.s3)
    found = contents(bucket, Reader(settings), hour)
    result = result_of(found, measures(bucket, found, settings.opensearch.index_prefix), limits)
    metrics = to_metrics(result, hour)
    bucket.write(result_key(hour, "html"), to_html(result), "text/html; charset=utf-8")
    bucket.write(result_key(hour, "prom"), generate_latest(metrics), "text/plain; version=0.0.4; charset=utf-8")
    bucket.write(result_key(hour), to_json(result), "application/json")
    if pushgateway is not None:
        push_to_gateway(pushgateway, _JOB, metrics)
    return result


def result(settings: Settings, hour: Hour) -> Result:
    """The result that `check` wrote.

    Raises:
        NotCheckedError: it did not.
        NoJsonError: the object is something else; its key is named.
    """
    bucket = Bucket(settings.s3)
    found: Result | None = bucket.json(result_key(hour))
    if found is None:
        msg = f"the hour {hour.text!r} has no result: run `python -m archive_jobs check --hour {hour.text}` first"
        raise NotCheckedError(msg)
    if not Result.__required_keys__ <= found.keys():
        raise bucket.no_json(result_key(hour))
    return found


def alert_of(found: Result, hour: Hour, place: str) -> Alert:
    """The alert about a bad hour, as any about CALI itself. Its text holds counts and places, no record."""
    bad = failed(found)
    lines = [sentence(one) for one in bad]
    lines += [f"{one['check']}: for example {', '.join(one['places'])}" for one in bad if one["places"]]
    text = "\n".join(
        [f"The archive's hour {hour.text} UTC failed {len(bad)} of {len(found['checks'])} checks.", *lines, place]
    )
    template = "The archive's hour failed its data quality checks"
    alert = alert_about_cali(_FINGERPRINT, template, text, hour.start, len(bad))
    return {**alert, "level": "ERROR", "severity": Severity.ERROR.value}


def tell(settings: Settings, hour: Hour, to: Messenger) -> bool:
    """Post the alert of a bad hour once; whether it was posted now. A mark beside the result remembers it.

    A second message comes only if the process ends between Slack's acceptance and the mark, or if the hour is checked
    again and other checks fail.

    Raises:
        NotCheckedError: the hour has no result.
        NotToldError: Slack did not take it.
    """
    found, bucket = result(settings, hour), Bucket(settings.s3)
    names = [one["check"] for one in failed(found)]
    mark = bucket.json(told_key(hour))
    if not names or (mark is not None and mark.get("checks") == names):
        return False
    place = f"Result: s3://{settings.s3.bucket}/{settings.s3.prefix}{result_key(hour, 'html')}"
    alert = alert_of(found, hour, place)
    answer = to.post(alert)
    if answer.outcome is not Outcome.ACCEPTED:
        msg = f"Slack did not take the message ({answer.outcome}: {answer.detail}); run `cali check` to find out why"
        raise NotToldError(msg)
    bucket.write(told_key(hour), json.dumps({"checks": names}).encode() + b"\n", "application/json")
    return True
