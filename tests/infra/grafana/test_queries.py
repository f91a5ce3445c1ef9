"""Every query of every dashboard is executed, on servers that the real page has filled."""

from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
"""Starting the servers, the embedding model and the page takes up to two minutes on a busy machine."""
SELDOM = {
    "cali_books_drift",
    "cali_books_minutes_total",
    "cali_border_hits_total",
    "cali_kinesis_faults_total",
    "cali_kinesis_losses_total",
    "cali_message_faults_total",
    "cali_rag_budget_refusals_total",
    "cali_rag_unavailable_total",
    "cali_search_refused_total",
    "cali_spool_oldest_timestamp_seconds",
}
"""What counts failures, waits for minutes to close, or stands for moments: a short healthy run may not show it."""


@pytest.fixture(scope="module")
def span(queries: Any, run: Any) -> Any:
    """The range of the run, in steps of two seconds."""
    return queries.Span(run.start, run.end, 2)


def test_every_search_returns_data(boards: dict[str, Any], queries: Any, run: Any, span: Any) -> None:
    """Each query of the OpenSearch plugin finds rows, or a number that is not 0, with the first value of variables."""
    empty = []
    for uid, board in boards.items():
        chosen = {entry["name"]: queries.choices(run.search, entry)[0] for entry in board.variables()}
        for panel, target in board.targets():
            if "query" not in target:
                continue
            answer = queries.search(run.search, target, span, chosen)
            values = [value for points in answer.series.values() for _, value in points]
            if not answer.rows and not any(values):
                empty.append(f"{uid}: {panel['title']}")
    assert [] == empty


def test_every_column_is_filled(boards: dict[str, Any], queries: Any, run: Any, span: Any) -> None:
    """A column of a table is a key of the rows that its query returns."""
    for uid, board in boards.items():
        chosen = {entry["name"]: queries.choices(run.search, entry)[0] for entry in board.variables()}
        for panel, target in board.targets():
            if panel["type"] == "table":
                rows = queries.search(run.search, target, span, chosen).rows
                columns = set(panel["transformations"][0]["options"]["include"]["names"])
                assert set() == columns - {name for row in rows for name in row}, (uid, panel["title"])


def test_a_variable_narrows(boards: dict[str, Any], queries: Any, run: Any, span: Any) -> None:
    """The Service dashboard counts the records of its service: those of all services together are all records."""
    board = boards["cali-service"]
    (variable,) = board.variables()
    target = board.panels[0]["targets"][0]

    def counted(**chosen: str) -> float:
        asked = target if chosen else {**target, "query": "*"}
        (points,) = queries.search(run.search, asked, span, chosen).series.values()
        return float(sum(value for _, value in points))

    services = queries.choices(run.search, variable)
    assert len(services) > 1
    assert counted() == sum(counted(service=service) for service in services)


def test_every_metric_with_a_value_is_shown(
    boards: dict[str, Any], queries: Any, metrics_of: Any, run: Any, span: Any
) -> None:
    """Each expression is one that Prometheus takes, and returns data if the page tells all its metrics."""
    if run.prometheus is None:
        pytest.skip("prometheus is not on the path: expressions are not executed (Debian: apt-get install prometheus)")
    told = {sample.name for family in text_string_to_metric_families(run.metrics) for sample in family.samples} | {"up"}
    silent, shown = [], 0
    for uid, board in boards.items():
        for panel, target in board.targets():
            if "expr" not in target:
                continue
            answer = queries.prometheus(run.prometheus, target, span)
            shown += bool(answer.series)
            if not answer.series and metrics_of(target["expr"]) <= told - SELDOM:
                silent.append(f"{uid}: {panel['title']}: {target['expr']}")
    assert [] == silent
    assert shown > 25


def test_the_page_tells_what_every_healthy_process_has(
    boards: dict[str, Any], metrics_of: Any, declared: set[str], run: Any
) -> None:
    """Metrics of the dashboards without a sample are those that count what went wrong, or wait for minutes to close."""
    told = {sample.name for family in text_string_to_metric_families(run.metrics) for sample in family.samples}
    used = {
        name
        for board in boards.values()
        for _, target in board.targets()
        for name in metrics_of(target.get("expr", ""))
    }
    assert set() == (used & declared) - told - SELDOM


def test_a_metric_that_is_not_known_is_refused(queries: Any) -> None:
    """A kind of number that the tool cannot ask for is an error that names it, not an empty panel."""
    target = {"query": "*", "timeField": "@timestamp", "metrics": [{"id": "1", "type": "moving_fn"}], "bucketAggs": []}
    with pytest.raises(ValueError, match="metric 'moving_fn'"):
        queries.request_of(target, queries.Span(0, 60, 5), {})


def test_values_of_variables_are_escaped(queries: Any) -> None:
    """A value with signs of the query language is searched as it is."""
    assert r"service:a\-b\:\"c\"" == queries.filled_in("service:$service", {"service": 'a-b:"c"'})
