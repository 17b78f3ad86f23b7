"""A dashboard made of rows of panels, and the JSON that Grafana reads."""

import json
from dataclasses import dataclass
from typing import Any, cast

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as model

from grafana.dashboards.draw import PROMETHEUS, draw, panel_id
from grafana.dashboards.panel import Row

TAG = "switchyard"
ALL = "$__all"


@dataclass(frozen=True, slots=True)
class Choice:
    """Something to choose at the top of a dashboard: the values that a label has. All of them at first."""

    label: str
    title: str
    metric: str


@dataclass(frozen=True, slots=True)
class Board:
    """A dashboard."""

    uid: str
    title: str
    description: str
    choices: tuple[Choice, ...]
    rows: tuple[Row, ...]


def to_json(board: Board) -> str:
    """Return the dashboard as Grafana reads it, the same text for the same board."""
    encoded = json.dumps(_built(board), cls=JSONEncoder, indent=2, sort_keys=True, ensure_ascii=False)
    return f"{encoded}\n"


def panels_of(text: str) -> list[dict[str, Any]]:
    """Return the panels of a dashboard's JSON, without the headings of rows."""
    whole = cast("dict[str, list[dict[str, Any]]]", json.loads(text))
    return [panel for panel in whole["panels"] if panel["type"] != "row"]


def _built(board: Board) -> model.Dashboard:
    drawn = (
        build.Dashboard(board.title)
        .uid(board.uid)
        .description(board.description)
        .tags([TAG])
        .timezone("browser")
        .time("now-1h", "now")
        .refresh("30s")
        .tooltip(model.DashboardCursorSync.CROSSHAIR)
        .readonly()
        .version(1)
        .link(_others())
        .annotation(_alerts())
    )
    for choice in board.choices:
        drawn.with_variable(_variable(choice))
    for row in board.rows:
        drawn.with_row(build.Row(row.title).id(panel_id(f"row {row.title}")))
        for panel in row.panels:
            drawn.with_panel(draw(panel))
    return drawn.build()


def _others() -> build.DashboardLink:
    """Return the links to the other dashboards, which keep the chosen time."""
    return (
        build.DashboardLink("Switchyard")
        .type(model.DashboardLinkType.DASHBOARDS)
        .tags([TAG])
        .keep_time(keep_time=True)
        .as_dropdown(as_dropdown=False)
    )


def _alerts() -> build.AnnotationQuery:
    """Return the marks at the times when an alert fired."""
    return (
        build.AnnotationQuery()
        .name("Alerts")
        .datasource(PROMETHEUS)
        .enable(enable=True)
        .hide(hide=False)
        .icon_color("red")
        .expr('ALERTS{alertstate="firing", severity!="none"}')
    )


def _variable(choice: Choice) -> build.QueryVariable:
    query = f"label_values({choice.metric}, {choice.label})"
    return (
        build.QueryVariable(choice.label)
        .label(choice.title)
        .datasource(PROMETHEUS)
        .query({"qryType": 1, "query": query, "refId": "PrometheusVariableQueryEditor-VariableQuery"})
        .refresh(model.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(model.VariableSort.ALPHABETICAL_ASC)
        .multi(multi=True)
        .include_all(include_all=True)
        .all_value(".*")
        .current(model.VariableOption(selected=True, text="All", value=ALL))
    )
