"""Runs the queries of a dashboard as Grafana's data sources do, without Grafana.

OpenSearch: the request that the plugin makes of a stored query (grafana/opensearch-datasource, pkg/opensearch), for the
kinds of query that scripts/dashboard_parts.py writes. Prometheus: its own HTTP API, with Grafana's variables replaced.
"""

import re
from dataclasses import dataclass, field
from typing import Any

import requests

INDICES = {"cali-logs": "cali-logs-*", "cali-alerts": "cali-alerts-*"}
"""Index patterns by data source, as in k8s/helm-values/grafana.yaml."""
_TIMEOUT_S = 60.0
_ESCAPED = re.compile(r'([!*+\-=<>\s&|()\[\]{}^~?:\\/"])')
"""What Grafana's format `lucene` escapes in the value of a variable."""
_METRIC_NAMES = {"count": "Count", "min": "Min", "max": "Max"}
"""How the plugin names columns."""


@dataclass(frozen=True)
class Span:
    """The range of a dashboard: seconds since the epoch, and the width of a step in seconds."""

    start: float
    end: float
    step: int

    @property
    def rate_interval(self) -> int:
        """Grafana's `$__rate_interval`: at least four scrapes, here of one second each."""
        return max(self.step + 1, 4)


@dataclass(frozen=True)
class Answer:
    """What a query returned: curves by name, or rows; one of the two is empty."""

    series: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    """Points (seconds since the epoch, value) in order of time."""
    rows: list[dict[str, Any]] = field(default_factory=list)


def filled_in(text: str, variables: dict[str, str]) -> str:
    """A Lucene query with the variables of its dashboard."""
    for name, value in variables.items():
        text = text.replace(f"${name}", _ESCAPED.sub(r"\\\1", value))
    return text


def request_of(target: dict[str, Any], span: Span, variables: dict[str, str]) -> dict[str, Any]:
    """The search request of a stored query.

    Raises:
        ValueError: the query has a metric that is not known here.
    """
    bounds = {"gte": round(span.start * 1000), "lte": round(span.end * 1000), "format": "epoch_millis"}
    words = {"query": filled_in(target["query"], variables), "analyze_wildcard": True}
    filters = [{"range": {target["timeField"]: bounds}}, {"query_string": words}]
    body: dict[str, Any] = {"size": 0, "query": {"bool": {"filter": filters}}}
    metrics: dict[str, Any] = {}
    for metric in target["metrics"]:
        if metric["type"] == "raw_data":
            order = {"order": metric["settings"]["order"], "unmapped_type": "boolean"}
            return body | {"size": int(metric["settings"]["size"]), "sort": [{target["timeField"]: order}]}
        if metric["type"] not in _METRIC_NAMES:
            msg = f"metric {metric['type']!r}: teach scripts/dashboard_queries.py what the plugin makes of it"
            raise ValueError(msg)
        if metric["type"] != "count":
            metrics[metric["id"]] = {metric["type"]: {"field": metric["field"]}}
    inner = metrics
    for bucket in reversed(target["bucketAggs"]):
        inner = {bucket["id"]: _bucket(bucket, span, bounds) | ({"aggs": inner} if inner else {})}
    return body | {"aggs": inner}


def _bucket(bucket: dict[str, Any], span: Span, bounds: dict[str, Any]) -> dict[str, Any]:
    settings = bucket["settings"]
    least = int(settings["min_doc_count"])
    if bucket["type"] == "terms":
        order = {settings["orderBy"]: settings["order"]}
        sized = {"size": int(settings["size"]), "min_doc_count": least, "order": order}
        return {"terms": {"field": bucket["field"]} | sized}
    edges = {"min": bounds["gte"], "max": bounds["lte"]}
    steps = {"fixed_interval": f"{span.step}s", "min_doc_count": least, "format": "epoch_millis"}
    return {"date_histogram": {"field": bucket["field"]} | steps | ({} if least else {"extended_bounds": edges})}


def search(url: str, target: dict[str, Any], span: Span, variables: dict[str, str]) -> Answer:
    """Run a stored query of the OpenSearch plugin on a server.

    Raises:
        requests.RequestException: the server cannot be reached or refuses the request.
    """
    index = INDICES[target["datasource"]["uid"]]
    answer = requests.post(f"{url}/{index}/_search", json=request_of(target, span, variables), timeout=_TIMEOUT_S)
    answer.raise_for_status()
    found = answer.json()
    if not target["bucketAggs"]:
        return Answer(rows=[hit["_source"] for hit in found["hits"]["hits"]])
    out = Answer()
    _walk(found.get("aggregations", {}), target, target["bucketAggs"], {}, out)
    return out


def _walk(
    aggregations: dict[str, Any],
    target: dict[str, Any],
    buckets: list[dict[str, Any]],
    group: dict[str, str],
    out: Answer,
) -> None:
    """Collect the buckets of one level, each with the values of the levels above."""
    level, *below = buckets
    for bucket in aggregations.get(level["id"], {}).get("buckets", []):
        if level["type"] == "date_histogram":
            value = _value(bucket, target["metrics"][0])
            if value is not None:
                out.series.setdefault(", ".join(group.values()), []).append((float(bucket["key"]) / 1000, value))
            continue
        here = group | {level["field"]: str(bucket["key"])}
        if below:
            _walk(bucket, target, below, here, out)
        else:
            numbers = {_METRIC_NAMES[metric["type"]]: _value(bucket, metric) for metric in target["metrics"]}
            out.rows.append(here | numbers)


def _value(bucket: dict[str, Any], metric: dict[str, Any]) -> float | None:
    found = bucket["doc_count"] if metric["type"] == "count" else bucket[metric["id"]]["value"]
    return None if found is None else float(found)


def choices(url: str, variable: dict[str, Any]) -> list[str]:
    """What a variable of a dashboard offers.

    Raises:
        requests.RequestException: the server cannot be reached or refuses the request.
    """
    asked = variable["query"]
    index = INDICES[variable["datasource"]["uid"]]
    words = {"query_string": {"query": asked["query"], "analyze_wildcard": True}}
    terms = {"1": {"terms": {"field": asked["field"], "size": 500}}}
    body = {"size": 0, "query": {"bool": {"filter": [words]}}, "aggs": terms}
    answer = requests.post(f"{url}/{index}/_search", json=body, timeout=_TIMEOUT_S)
    answer.raise_for_status()
    return [bucket["key"] for bucket in answer.json()["aggregations"]["1"]["buckets"]]


def prometheus(url: str, target: dict[str, Any], span: Span) -> Answer:
    """Run a stored query of the Prometheus data source on a server; NaN is no value.

    Raises:
        requests.RequestException: the server cannot be reached or refuses the expression.
    """
    expression = target["expr"].replace("$__rate_interval", f"{span.rate_interval}s")
    expression = expression.replace("$__range", f"{max(1, round(span.end - span.start))}s")
    if target["instant"]:
        what, asked = "query", {"query": expression, "time": span.end}
    else:
        what, asked = "query_range", {"query": expression, "start": span.start, "end": span.end, "step": span.step}
    answer = requests.get(f"{url}/api/v1/{what}", params=asked, timeout=_TIMEOUT_S)
    answer.raise_for_status()
    out = Answer()
    for result in answer.json()["data"]["result"]:
        points = [result["value"]] if target["instant"] else result["values"]
        kept = [(float(at), float(value)) for at, value in points if value != "NaN"]
        if kept:
            out.series[_legend(target["legendFormat"], result["metric"])] = kept
    return out


def _legend(pattern: str, labels: dict[str, str]) -> str:
    if pattern == "__auto":
        return ", ".join(f"{name}={value}" for name, value in labels.items() if name != "__name__")
    return re.sub(r"\{\{(\w+)\}\}", lambda found: labels.get(found[1], ""), pattern)
