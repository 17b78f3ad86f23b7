"""The committed dashboards as tests read them: their panels, and each expression with Grafana's variables filled in."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, cast

ROOT = Path(__file__).parents[2]
FILES = tuple(sorted((ROOT / "grafana" / "json").glob("*.json")))
# What Grafana puts in their place: a window of four scrapes at 15 s, and everything where nothing is chosen.
FILLED = {
    "$__rate_interval": "1m",
    "$__interval": "15s",
    "$__range": "1h",
    "$instance": ".*",
    "$node": ".*",
    "$model": ".*",
}


@dataclass(frozen=True, slots=True)
class Expression:
    """One query of a panel, ready to be sent."""

    dashboard: str
    panel: str
    kind: str
    text: str
    raw: str

    def __str__(self) -> str:
        return f"{self.dashboard} / {self.panel}: {self.text}"


@cache
def dashboard(path: Path) -> dict[str, Any]:
    """Return a dashboard."""
    return cast("dict[str, Any]", json.loads(path.read_text(encoding="utf-8")))


def panels(path: Path) -> list[dict[str, Any]]:
    """Return the panels of a dashboard that show figures or lines: no headings, no pages of text."""
    return [panel for panel in dashboard(path)["panels"] if panel["type"] not in {"row", "text"}]


def filled(text: str) -> str:
    """Return an expression as Grafana sends it."""
    for name, value in FILLED.items():
        text = text.replace(name, value)
    return text


def expressions(kind: str = "prometheus") -> Iterator[Expression]:
    """Yield every query of that kind of data source."""
    for path in FILES:
        title = dashboard(path)["title"]
        for panel in panels(path):
            for target in panel["targets"]:
                if target["datasource"]["type"] == kind:
                    yield Expression(title, panel["title"], kind, filled(target["expr"]), target["expr"])
