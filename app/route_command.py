"""`switchyard route`: where a question would go, without asking it."""

import argparse
from collections.abc import Mapping
from typing import Any

from app.console import Console
from app.conversation import StackRefused
from app.stack_arguments import add_stack_arguments, stack_of

TIERS = ("simple", "medium", "complex")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `switchyard route` takes."""
    parser.add_argument("question", help="what would be asked")
    parser.add_argument("--model", default="auto", help="auto, a tier or a model (%(default)s)")
    parser.add_argument("--max-tokens", type=int, default=320, help="how long the answer may be (%(default)s)")
    parser.add_argument("--min-tier", choices=TIERS, help="the contract's minimum tier")
    parser.add_argument("--digest", help="the digest that the contract pins")
    parser.add_argument("--no-degrade", action="store_true", help="the contract forbids a lower tier than is needed")
    parser.add_argument(
        "--needs", action="append", choices=("tools", "vision"), default=[], help="what the call would have; repeatable"
    )
    add_stack_arguments(parser)
    parser.add_argument("--json", action="store_true", help="answer as JSON")


def run_route(given: argparse.Namespace, environ: Mapping[str, str], console: Console, notes: Console) -> int:
    """Say where the question would go; return 1 where nothing can take it. Raises ConfigurationWrong, StackAway."""
    stack = stack_of(given, environ)
    contract = {"min_tier": given.min_tier, "digest": given.digest, "no_degrade": given.no_degrade}
    body = {"message": given.question, "model": given.model, "max_tokens": given.max_tokens, "contract": contract}
    if given.needs:
        body["needs"] = given.needs
    try:
        plan = stack.post("/api/v1/routes", body)
    except StackRefused as error:
        notes.say(f"switchyard: {error}")
        return 1
    if given.json:
        console.show_json(plan)
    else:
        _show(plan, console)
    return 0 if plan["model"] is not None else 1


def _show(plan: Mapping[str, Any], console: Console) -> None:
    words = plan["explanation"]
    reason = f" ({plan['reason']})" if plan["reason"] else ""
    console.say(f"{words['chosen'] or 'nothing can take it'}{reason}")
    console.say(words["why"])
    if words["runner_up"] is not None:
        console.say(f"Next: {words['runner_up']}; {words['lacked']}.")
    console.table(
        ("NODE", "MODEL", "TIER", "WAIT S", "LOAD S", "PREFILL S", "DECODE S", "USD", "NOT OFFERED"),
        [_cells(candidate) for candidate in plan["candidates"]],
    )


def _cells(candidate: Mapping[str, Any]) -> tuple[str, ...]:
    seconds = (f"{candidate[term]:.2f}" for term in ("wait_s", "load_s", "prefill_s", "decode_s"))
    cost = f"{candidate['cost_usd_micro'] / 1_000_000:.6f}"
    kept_out = candidate["excluded"] or candidate["withheld"] or ""
    return candidate["node"], candidate["model"], candidate["tier"] or "", *seconds, cost, kept_out
