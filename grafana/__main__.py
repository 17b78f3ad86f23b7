"""Writes the dashboards' JSON, or with --check says which is old: `python -m grafana`."""

from collections.abc import Callable

from app.finish import finish
from grafana.dashboards import cost, runbooks, system
from grafana.dashboards.board import Board, to_json
from ops.pages import ROOT, Pages


def _text(board: Callable[[], Board]) -> Callable[[], str]:
    return lambda: to_json(board())


DASHBOARDS = Pages(
    ROOT / "grafana" / "json",
    {
        "system.json": _text(system.board),
        "cost.json": _text(cost.board),
        "runbooks.json": _text(runbooks.board),
    },
    target="dashboards",
)

if __name__ == "__main__":
    finish(DASHBOARDS.run)
