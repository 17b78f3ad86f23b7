"""`switchyard models plan`: which models are kept in memory where, and why."""

import argparse
from collections.abc import Mapping
from typing import Any

from app.console import Console
from app.conversation import StackRefused
from app.stack_arguments import add_stack_arguments, stack_of

_GB = 1_000_000_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `switchyard models` takes."""
    models = parser.add_subparsers(required=True, metavar="ACT")
    planning = models.add_parser("plan", help="show which models are kept in memory where, and why")
    add_stack_arguments(planning, key="a key that may operate")
    planning.add_argument("--json", action="store_true", help="answer as JSON")


def run_models(given: argparse.Namespace, environ: Mapping[str, str], console: Console, notes: Console) -> int:
    """Show the plan; return 1 where the stack refuses. Raises ConfigurationWrong, StackAway."""
    stack = stack_of(given, environ)
    try:
        plan = stack.get("/api/v1/models/plan")["plan"]
    except StackRefused as error:
        notes.say(f"switchyard: {error}")
        return 1
    if given.json:
        console.show_json(plan)
    else:
        heads = ("NODE", "MODEL", "ADVICE", "REASON", "CALLS", "GPU S", "TAKES", "FREE", "LEAVES BEFORE")
        console.table(heads, [_cells(one) for one in plan])
    return 0


def _cells(one: Mapping[str, Any]) -> tuple[str, ...]:
    takes = one["taken_bytes"] or one["needed_bytes"]
    numbers = str(one["calls"]), f"{one['gpu_s']:.1f}", _size(takes), _size(one["free_bytes"])
    return one["node"], one["model"], one["advice"], one["reason"], *numbers, ", ".join(one["evicts"])


def _size(count: int | None) -> str:
    return "unknown" if count is None else f"{count / _GB:.2f} GB"
