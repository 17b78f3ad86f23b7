"""Runbooks: what to do when an alert fires, readable where it is seen."""

import re
from pathlib import Path

from grafana.dashboards.board import Board
from grafana.dashboards.draw import RUNBOOKS, panel_id
from grafana.dashboards.panel import Kind, Panel, Row, Unit

FOLDER = Path(__file__).parents[2] / "ops" / "runbooks"
LINK = re.compile(r"\[([^\]]*)\]\(([^)]*)\)")


def board() -> Board:
    """Return the dashboard: a panel for each page of ops/runbooks, called as its alert."""
    pages = tuple(_page(path) for path in sorted(FOLDER.glob("*.md")) if path.stem != "README")
    return Board(
        uid=RUNBOOKS,
        title="Runbooks",
        description="What to do when an alert fires: the pages of ops/runbooks.",
        choices=(),
        rows=(Row("Alerts", pages),),
    )


def _page(path: Path) -> Panel:
    return Panel(
        title=path.stem,
        unit=Unit.NONE,
        description=f"What to do when the alert {path.stem} fires: the page ops/runbooks/{path.name}.",
        kind=Kind.TEXT,
        width=12,
        text=LINK.sub(_link, path.read_text(encoding="utf-8")),
    )


def _link(found: re.Match[str]) -> str:
    """Return a link that works in Grafana: to the other page's panel, or for a file only its words."""
    words, target = found[1], found[2]
    if "://" in target:
        return found[0]
    if (FOLDER / target).parent == FOLDER:
        # Relative to the page that is shown, so that Grafana may be served under any path.
        return f"[{words}](?viewPanel={panel_id(Path(target).stem)})"
    return words
