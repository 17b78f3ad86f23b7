"""Draws a panel with Grafana's own builders."""

import string
import zlib
from typing import TypeAlias, assert_never

from grafana_foundation_sdk.builders import common as build_common
from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.builders import logs, loki, piechart, prometheus, stat, statetimeline, text, timeseries
from grafana_foundation_sdk.models import common, dashboard
from grafana_foundation_sdk.models.prometheus import PromQueryFormat
from grafana_foundation_sdk.models.text import TextMode

from grafana.dashboards.panel import Kind, Panel

PROMETHEUS = dashboard.DataSourceRef(type_val="prometheus", uid="prometheus")
LOKI = dashboard.DataSourceRef(type_val="loki", uid="loki")

RUNBOOKS = "switchyard-runbooks"
"""The uid of the dashboard of runbooks."""

NUMBER_HEIGHT = 5
HEIGHT = 8
LOGS_HEIGHT = 10
TEXT_HEIGHT = 16
LOG_LINES = 200

Drawn: TypeAlias = stat.Panel | timeseries.Panel | piechart.Panel | statetimeline.Panel | logs.Panel | text.Panel


def draw(panel: Panel) -> Drawn:
    """Return the panel, drawn as its kind says."""
    drawn = (
        _of_kind(panel)
        .id(panel_id(panel.title))
        .title(panel.title)
        .description(_description(panel))
        .datasource(LOKI if panel.kind is Kind.LOGS else PROMETHEUS)
        .span(panel.width)
        .unit(panel.unit.value)
        .no_value(panel.no_value)
        .thresholds(_thresholds(panel))
    )
    if panel.most is not None:
        drawn.max(panel.most)
    if panel.decimals is not None:
        drawn.decimals(panel.decimals)
    if panel.alert is not None:
        drawn.links([_runbook(panel.alert.name)])
    for place, query in zip(string.ascii_uppercase, panel.queries, strict=False):
        if panel.kind is Kind.LOGS:
            drawn.with_target(loki.Dataquery().ref_id(place).expr(query.expr).max_lines(LOG_LINES).datasource(LOKI))
        else:
            drawn.with_target(_query(panel.kind, place, query.expr, query.legend))
    return drawn


def panel_id(title: str) -> int:
    """Return a panel's id: it stays when panels are moved, so that links to one keep working."""
    return zlib.crc32(title.encode()) % 1_000_000 + 1


def _of_kind(panel: Panel) -> Drawn:
    match panel.kind:
        case Kind.NUMBER:
            return _number(panel)
        case Kind.LINES | Kind.STACK:
            return _lines(panel)
        case Kind.PARTS:
            return _parts()
        case Kind.STATES:
            return _states(panel)
        case Kind.LOGS:
            return _logs()
        case Kind.TEXT:
            return text.Panel().height(TEXT_HEIGHT).mode(TextMode.MARKDOWN).content(panel.text)
        case _:
            assert_never(panel.kind)


def _number(panel: Panel) -> stat.Panel:
    judged = panel.alert is not None or panel.good_from is not None
    return (
        stat.Panel()
        .height(NUMBER_HEIGHT)
        .graph_mode(common.BigValueGraphMode.AREA)
        .color_mode(common.BigValueColorMode.VALUE if judged else common.BigValueColorMode.NONE)
        .reduce_options(build_common.ReduceDataOptions().calcs(["lastNotNull"]))
    )


def _lines(panel: Panel) -> timeseries.Panel:
    legend = (
        build_common.VizLegendOptions()
        .show_legend(show_legend=True)
        .display_mode(common.LegendDisplayMode.TABLE)
        .placement(common.LegendPlacement.BOTTOM)
        .calcs(["mean", "max", "lastNotNull"])
    )
    tooltip = build_common.VizTooltipOptions().mode(common.TooltipDisplayMode.MULTI).sort(common.SortOrder.DESCENDING)
    lines = timeseries.Panel().height(HEIGHT).min(0).legend(legend).tooltip(tooltip).fill_opacity(10)
    if panel.kind is Kind.STACK:
        lines.stacking(build_common.StackingConfig().mode(common.StackingMode.NORMAL)).fill_opacity(40)
    if panel.alert is not None or panel.good_from is not None:
        mode = common.GraphThresholdsStyleMode.DASHED
        lines.thresholds_style(build_common.GraphThresholdsStyleConfig().mode(mode))
    return lines


def _parts() -> piechart.Panel:
    legend = piechart.PieChartLegendOptions().show_legend(show_legend=True)
    legend.display_mode(common.LegendDisplayMode.TABLE).placement(common.LegendPlacement.RIGHT)
    return (
        piechart.Panel()
        .height(HEIGHT)
        .legend(legend)
        .reduce_options(build_common.ReduceDataOptions().calcs(["lastNotNull"]))
    )


def _states(panel: Panel) -> statetimeline.Panel:
    options = {
        str(value): dashboard.ValueMappingResult(text=state.word, color=state.colour, index=value)
        for value, state in panel.states.items()
    }
    drawn = statetimeline.Panel().height(HEIGHT).merge_values(merge_values=True)
    return drawn.mappings([dashboard.ValueMap(options=options)])


def _logs() -> logs.Panel:
    return (
        logs.Panel()
        .height(LOGS_HEIGHT)
        .show_time(show_time=True)
        .wrap_log_message(wrap_log_message=True)
        .enable_log_details(enable_log_details=True)
        .sort_order(common.LogsSortOrder.DESCENDING)
    )


def _query(kind: Kind, place: str, expr: str, legend: str) -> prometheus.Dataquery:
    query = prometheus.Dataquery().ref_id(place).expr(expr).legend_format(legend).datasource(PROMETHEUS)
    query.format(PromQueryFormat.TIME_SERIES)
    return query.instant() if kind is Kind.PARTS else query.range()


def _thresholds(panel: Panel) -> build.ThresholdsConfig:
    if panel.alert is not None:
        steps = [_step("green"), _step("red", panel.alert.threshold)]
    elif panel.good_from is not None:
        steps = [_step("red"), _step("green", panel.good_from)]
    else:
        steps = [_step("green")]
    return build.ThresholdsConfig().mode(dashboard.ThresholdsMode.ABSOLUTE).steps(steps)


def _step(colour: str, start: float | None = None) -> dashboard.Threshold:
    return dashboard.Threshold(value=start, color=colour)


def _description(panel: Panel) -> str:
    if panel.alert is None:
        return panel.description
    return f"{panel.description} The line is where the alert {panel.alert.name} fires."


def _runbook(name: str) -> build.DashboardLink:
    """Return the link to the page of an alert on the dashboard of runbooks."""
    url = f"/d/{RUNBOOKS}?viewPanel={panel_id(name)}"
    link = build.DashboardLink(f"Runbook {name}").type(dashboard.DashboardLinkType.LINK).url(url)
    return link.target_blank(target_blank=True)
