"""Models and nodes: who answers, how full each node is, and which calls break."""

from grafana.dashboards.board import Choice
from grafana.dashboards.panel import Kind, Panel, Query, State, Unit
from grafana.dashboards.promql import NODE, by_or_none, rate

NODE_CHOICE = Choice("node", "Node", "switchyard_node_state")
CALLS = rate("switchyard_model_calls_total", NODE)
ANSWERS = rate("switchyard_answers_total", NODE)
PLACED = rate("switchyard_placements_total", NODE)
# The number of a state in the panel; where processes disagree, the worst is shown.
STATES = {
    1: State("ready", "green"),
    2: State("warming", "blue"),
    3: State("draining", "yellow"),
    4: State("misconfigured", "orange"),
    5: State("down", "red"),
}


def nodes() -> tuple[Panel, ...]:
    """Return the panels about models and nodes."""
    return (*_room(), *_work())


def _room() -> tuple[Panel, ...]:
    return (
        Panel(
            title="Node States",
            unit=Unit.NONE,
            description="down: the node did not answer three looks, see whether Ollama runs there; misconfigured: a "
            "model is missing or its digest differs; draining: an operator asked for it; warming: not looked at yet.",
            queries=(Query(_worst_state(), "{{node}}"),),
            kind=Kind.STATES,
            states=STATES,
        ),
        Panel(
            title="Slots Taken",
            unit=Unit.COUNT,
            description="Places for calls that are leased on each node, as the process says that saw most. At the "
            "node's limit for long, with Wait for a Slot rising: the cluster is full.",
            queries=(
                Query(f"max by (node) (switchyard_slots_taken{{{NODE}}})", "{{node}}"),
                Query(f"max by (node) (switchyard_slots_limit{{{NODE}}})", "{{node}} limit"),
            ),
        ),
        Panel(
            title="Calls Waiting",
            unit=Unit.COUNT,
            description="Calls that wait for a slot in all processes. Not 0 for minutes: add nodes or slots, or lower "
            "the rate of the callers.",
            queries=(Query("sum(switchyard_calls_waiting)", "waiting"),),
        ),
    )


def _work() -> tuple[Panel, ...]:
    broken = by_or_none(("node", "failure"), rate("switchyard_call_failures_total", NODE), CALLS)
    return (
        Panel(
            title="GPU Use",
            unit=Unit.RATIO,
            description="GPU-seconds per second of a node, of its GPUs: how busy our calls keep them. At 100 % the "
            "node is full; near 0 while calls wait: it hangs or is not routable.",
            queries=(Query(f"switchyard:gpu_busy:ratio5m{{{NODE}}}", "{{node}}"),),
            width=6,
        ),
        Panel(
            title="Calls by Reason",
            unit=Unit.PER_MINUTE,
            description="Why calls went to their node, per minute. Many cold_load: too many models for the nodes' "
            "memory; retry, continued, restarted: nodes break; degraded_tier: a tier has no node.",
            queries=(Query(f"60 * sum by (reason) ({PLACED})", "{{reason}}"),),
            width=6,
            kind=Kind.STACK,
            no_value="no calls",
        ),
        Panel(
            title="Broken Calls",
            unit=Unit.PER_MINUTE,
            description="Attempts that broke at a node, per minute, by how. One node: drain it and read its log; all: "
            "the network, or a model that every node has.",
            queries=(Query(f"60 * {broken}", "{{node}} {{failure}}"),),
            no_value="no calls",
            width=6,
        ),
        _ends(),
        _estimates(),
        _loads(),
    )


def _estimates() -> Panel:
    worst = "histogram_quantile({}, sum by (part, le) (rate(switchyard_estimate_ratio_bucket[30m])))"
    return Panel(
        title="Measured over Predicted",
        unit=Unit.RATIO,
        description="What calls took over what placement expected, by part: half of them (p50) and one in ten (p90) "
        "above. Near 100 %: choices and queue times are right. decode off: answers are longer or shorter than they "
        "were; prefill far below: prompts were in a node's cache that nobody knew of; all of a node: it is shared.",
        queries=(
            Query(worst.format("0.5"), "{{part}} p50"),
            Query(worst.format("0.9"), "{{part}} p90"),
        ),
        width=6,
        no_value="no calls",
    )


def _loads() -> Panel:
    return Panel(
        title="Time Spent Loading",
        unit=Unit.RATIO,
        description="Seconds in which models were loaded for calls, per second and node. unforeseen: a model that was "
        "taken to be in memory was not, so something else on the node pushes it out; much foreseen: more models or "
        "context sizes than the memory holds.",
        queries=(
            Query(f"sum by (node, loading) ({rate('switchyard_reload_seconds_total', NODE)})", "{{node}} {{loading}}"),
        ),
        width=6,
        kind=Kind.STACK,
    )


def _ends() -> Panel:
    return Panel(
        title="Answers by Finish Reason",
        unit=Unit.PER_MINUTE,
        description="Calls that brought an answer, per minute, by why the model stopped. length: it was cut, raise "
        "max_tokens (thinking counts too) or num_ctx; tool_calls: it asks for tools that nobody offered; other: a "
        "word that Ollama does not have, see call.unknown_done_reason in the logs.",
        queries=(Query(f"60 * sum by (finish_reason) ({ANSWERS})", "{{finish_reason}}"),),
        kind=Kind.STACK,
        width=6,
        no_value="no answers",
    )


def _worst_state() -> str:
    numbered = " or ".join(
        f'{number} * (switchyard_node_state{{state="{state.word}", {NODE}}} == 1)' for number, state in STATES.items()
    )
    return f"max by (node) ({numbered})"
