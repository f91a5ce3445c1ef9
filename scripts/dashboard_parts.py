"""What dashboards are made of: queries and panels, as scripts/dashboards.py uses them.

Needs `grafana-foundation-sdk`. Its builders give Grafana's types; the OpenSearch plugin has none there, so its query is
built here after the plugin's own source (grafana/opensearch-datasource: src/types.ts and the aggregation editors).
"""

from dataclasses import dataclass, field

from grafana_foundation_sdk.builders import bargauge, common, dashboard, prometheus, stat, table, timeseries
from grafana_foundation_sdk.cog import builder, variants
from grafana_foundation_sdk.models import common as common_models
from grafana_foundation_sdk.models import dashboard as models

PROMETHEUS, RECORDS, ALERTS = "cali-prometheus", "cali-logs", "cali-alerts"
"""Uids of the data sources in k8s/helm-values/grafana.yaml."""
_PLUGINS = {PROMETHEUS: "prometheus", RECORDS: "grafana-opensearch-datasource", ALERTS: "grafana-opensearch-datasource"}
TIME_FIELDS = {RECORDS: "@timestamp", ALERTS: "last_seen"}
"""What the range of a dashboard means, by data source. An alert's `@timestamp` is the start of its episode, which may
be days ago; `last_seen` is the record that the alert was told for."""
_ROWS = 100
_AnyPanel = stat.Panel | timeseries.Panel | table.Panel | bargauge.Panel
_AnyQuery = builder.Builder[variants.Dataquery]


def source(uid: str) -> models.DataSourceRef:
    """A reference to a data source."""
    return models.DataSourceRef(type_val=_PLUGINS[uid], uid=uid)


class _Search(variants.Dataquery):
    """A Lucene query of the OpenSearch plugin."""

    def __init__(self, body: dict[str, object]) -> None:
        self._body = body

    def to_json(self) -> dict[str, object]:
        """As the plugin stores it."""
        return self._body


class _SearchBuilder(builder.Builder[variants.Dataquery]):
    def __init__(self, body: dict[str, object]) -> None:
        self._body = body

    def build(self) -> variants.Dataquery:
        return _Search(self._body)


def _lucene(
    uid: str, query: str, metrics: list[dict[str, object]], buckets: list[dict[str, object]], alias: str = ""
) -> _AnyQuery:
    return _SearchBuilder(
        {
            "refId": "A",
            "datasource": {"type": _PLUGINS[uid], "uid": uid},
            "queryType": "lucene",
            "luceneQueryType": "Metric",
            "query": query,
            "alias": alias,
            "timeField": TIME_FIELDS[uid],
            "metrics": metrics,
            "bucketAggs": buckets,
        }
    )


def _terms(number: int, name: str, size: int) -> dict[str, object]:
    settings = {"size": str(size), "order": "desc", "orderBy": "_count", "min_doc_count": "1"}
    return {"id": str(number), "type": "terms", "field": name, "settings": settings}


def over_time(uid: str, query: str, by: str = "", metric: str = "count", of: str = "") -> _AnyQuery:
    """A number for each step of time, for each value of the field `by` if given; empty steps count as 0."""
    found: dict[str, object] = {"id": "1", "type": metric, **({"field": of} if of else {})}
    settings = {"interval": "auto", "min_doc_count": "0" if metric == "count" else "1"}
    steps: dict[str, object] = {"id": "9", "type": "date_histogram", "field": TIME_FIELDS[uid], "settings": settings}
    groups = [_terms(2, by, 10)] if by else []
    return _lucene(uid, query, [found], [*groups, steps], alias=f"{{{{term {by}}}}}" if by else "")


def grouped(uid: str, query: str, *by: str, span: bool = False, size: int = _ROWS) -> _AnyQuery:
    """One row for each group of values with its count, and with `span` the first and the last time; no time axis."""
    metrics: list[dict[str, object]] = [{"id": "1", "type": "count"}]
    if span:
        metrics += [{"id": "3", "type": "min", "field": TIME_FIELDS[uid]}]
        metrics += [{"id": "4", "type": "max", "field": TIME_FIELDS[uid]}]
    return _lucene(uid, query, metrics, [_terms(10 + place, name, size) for place, name in enumerate(by)])


def documents(uid: str, query: str) -> _AnyQuery:
    """Whole documents, the latest first."""
    settings = {"size": str(_ROWS), "order": "desc", "useTimeRange": True}
    return _lucene(uid, query, [{"id": "1", "type": "raw_data", "settings": settings}], [])


def counted(expression: str, legend: str = "") -> _AnyQuery:
    """A PromQL expression over the range."""
    return prometheus.Dataquery().expr(expression).legend_format(legend or "__auto").range()


def now(expression: str, legend: str = "") -> _AnyQuery:
    """A PromQL expression at the end of the range."""
    return prometheus.Dataquery().expr(expression).legend_format(legend or "__auto").instant()


@dataclass(frozen=True)
class Shown:
    """One panel: its title, what it tells, what to do, and how it is drawn."""

    title: str
    tells: str
    do: str
    panel: _AnyPanel
    uid: str
    targets: list[_AnyQuery]
    width: int
    height: int
    columns: tuple[str, ...] = field(default=())

    def build(self, number: int) -> _AnyPanel:
        """The panel with its number, which is unique in its dashboard."""
        self.panel.id(number).title(self.title).description(f"{self.tells} {self.do}").datasource(source(self.uid))
        self.panel.span(self.width).height(self.height)
        for letter, target in zip("ABCDEF", self.targets, strict=False):
            built = target.build()
            if isinstance(built, _Search):
                built.to_json()["refId"] = letter
            else:
                built.ref_id = letter  # type: ignore[attr-defined] # prometheus.Dataquery
                built.datasource = source(self.uid)  # type: ignore[attr-defined]
            self.panel.with_target(target)
        return self.panel


def _steps(limits: tuple[float, ...]) -> dashboard.ThresholdsConfig:
    colours = ("green", "orange", "red")
    steps = [models.Threshold(value=None, color="green" if limits else "blue")]
    steps += [models.Threshold(value=limit, color=colours[-len(limits) :][i]) for i, limit in enumerate(limits)]
    return dashboard.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(steps)


def number(  # noqa: PLR0913 - a panel has this many sides
    title: str,
    tells: str,
    do: str,
    uid: str,
    target: _AnyQuery,
    *,
    unit: str = "short",
    calc: str = "lastNotNull",
    limits: tuple[float, ...] = (),
    width: int = 4,
) -> Shown:
    """One number; `limits` are where it turns orange and red (one limit: red)."""
    panel = stat.Panel().unit(unit).thresholds(_steps(limits)).no_value("none")
    panel.reduce_options(common.ReduceDataOptions().calcs([calc]).values(False))
    panel.color_mode(common_models.BigValueColorMode.VALUE).graph_mode(common_models.BigValueGraphMode.NONE)
    return Shown(title, tells, do, panel, uid, [target], width, 4)


def lines(  # noqa: PLR0913 - likewise
    title: str,
    tells: str,
    do: str,
    uid: str,
    *targets: _AnyQuery,
    unit: str = "short",
    bars: bool = False,
    width: int = 8,
) -> Shown:
    """Curves over time, or stacked bars."""
    panel = timeseries.Panel().unit(unit).no_value("none").axis_soft_min(0)
    legend = common.VizLegendOptions().display_mode(common_models.LegendDisplayMode.LIST)
    panel.legend(legend.placement(common_models.LegendPlacement.BOTTOM).show_legend(True).calcs([]))
    if bars:
        panel.draw_style(common_models.GraphDrawStyle.BARS).fill_opacity(70)
        panel.stacking(common.StackingConfig().mode(common_models.StackingMode.NORMAL))
    return Shown(title, tells, do, panel, uid, list(targets), width, 8)


def states(  # noqa: PLR0913 - likewise
    title: str, tells: str, do: str, uid: str, target: _AnyQuery, *, width: int = 8
) -> Shown:
    """One bar for each row of a query."""
    panel = bargauge.Panel().no_value("none").orientation(common_models.VizOrientation.HORIZONTAL)
    panel.reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).values(True))
    return Shown(title, tells, do, panel, uid, [target], width, 8)


def rows(  # noqa: PLR0913, PLR0917 - likewise
    title: str, tells: str, do: str, uid: str, target: _AnyQuery, columns: tuple[str, ...], *, width: int = 12
) -> Shown:
    """A table with these columns in this order. A fingerprint leads to its Fault dashboard, a service to its own."""
    panel = table.Panel().no_value("none").show_header(True)
    names = list(columns)
    panel.with_transformation(
        models.DataTransformerConfig(id_val="filterFieldsByName", options={"include": {"names": names}})
    )
    order = {name: place for place, name in enumerate(names)}
    panel.with_transformation(
        models.DataTransformerConfig(id_val="organize", options={"indexByName": order, "renameByName": {}})
    )
    for name, board in (("fingerprint", "fault"), ("service", "service")):
        url = f"/d/cali-{board}?var-{name}=${{__value.raw}}&${{__url_time_range}}"
        links = [{"title": f"{board.capitalize()} dashboard", "url": url}]
        if name in columns:
            panel.override_by_name(name, [models.DynamicConfigValue("links", links)])
    for name in ("Min", "Max"):
        if name in columns:
            panel.override_by_name(name, [models.DynamicConfigValue("unit", "dateTimeAsIso")])
    return Shown(title, tells, do, panel, uid, [target], width, 9, columns)
