"""What a panel is, before it is drawn: title, unit, what to do when it looks wrong, and its queries."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from grafana.dashboards.alerts import Alert


class Kind(StrEnum):
    """How a panel is drawn."""

    NUMBER = "number"
    """The newest value, large, with its course behind it."""
    LINES = "lines"
    STACK = "stack"
    """Lines whose sum means something."""
    PARTS = "parts"
    """A pie: parts of the whole over the shown time."""
    STATES = "states"
    """A bar for each series, coloured by its state."""
    LOGS = "logs"
    TEXT = "text"
    """Markdown to read, without a query."""


class Unit(StrEnum):
    """Grafana's names for units."""

    REQUESTS_PER_S = "reqps"
    RATIO = "percentunit"
    SECONDS = "s"
    COUNT = "short"
    PER_MINUTE = "cpm"
    USD = "currencyUSD"
    GPUS = "suffix: GPUs"
    TOKENS = "suffix: tokens"
    TOKENS_PER_MINUTE = "suffix: tokens/min"
    TOKENS_PER_GPU_S = "suffix: tokens/GPU-s"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Query:
    """An expression (PromQL, or LogQL in a panel of logs), and how its series are called."""

    expr: str
    legend: str


@dataclass(frozen=True, slots=True)
class State:
    """A value of a panel of states: its word and colour."""

    word: str
    colour: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """A panel. `width` is in 24ths of the page. The line of `alert` is drawn, and its runbook linked.

    `good_from`: at least so much is good, less is bad (the other way round than an alert's threshold).
    """

    title: str
    unit: Unit
    description: str
    queries: tuple[Query, ...] = ()
    kind: Kind = Kind.LINES
    width: int = 8
    alert: Alert | None = None
    good_from: float | None = None
    most: float | None = None
    no_value: str = "no data"
    decimals: int | None = None
    states: Mapping[int, State] = field(default_factory=dict[int, State])
    text: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """Panels under a heading."""

    title: str
    panels: tuple[Panel, ...]
