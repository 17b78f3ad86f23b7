"""Cost & Tokens: what answers cost in dollars, GPU-seconds and tokens, and who causes it.

Every dollar is GPU-seconds times the price of the node that worked, never a price per token that no GPU has.
"""

from grafana.dashboards.alerts import alert
from grafana.dashboards.board import Board, Choice
from grafana.dashboards.inference import NODE_CHOICE
from grafana.dashboards.panel import Kind, Panel, Query, Row, Unit
from grafana.dashboards.promql import MODEL, NODE, increase, per, quantile, rate

WHERE = f"{NODE}, {MODEL}"
# The calls that write answers; the others turn documents and questions into vectors, or are the platform's own.
WRITING = f'{WHERE}, tier!~"embed|own"'
COST = "switchyard_cost_usd_total"
GPU_SECONDS = "switchyard_gpu_seconds_total"
INPUT = "switchyard_input_tokens_total"
OUTPUT = "switchyard_output_tokens_total"
THINKING = "switchyard_thinking_tokens_total"
PURPOSES = "switchyard_purpose_gpu_seconds_total"
QUERY_TOKENS = "agent_token_usage"
SHOWN = "$__range"


def board() -> Board:
    """Return the dashboard."""
    return Board(
        uid="switchyard-cost",
        title="Cost & Tokens",
        description="What answers cost in dollars, GPU-seconds and tokens, and which node, model and tier causes it.",
        choices=(NODE_CHOICE, Choice("model", "Model", COST)),
        rows=(
            Row("At a glance", (*_pace(), *_last_hour(), *_each())),
            Row("Tokens", _tokens()),
            Row("Money", _money()),
            Row("GPU time", (*_gpu_time(), *_purposes())),
        ),
    )


def _pace() -> tuple[Panel, ...]:
    tokens = f"sum({rate(INPUT, WHERE)}) + sum({rate(OUTPUT, WHERE)})"
    return (
        Panel(
            title="Tokens per Minute",
            unit=Unit.TOKENS_PER_MINUTE,
            description="Prompt and generated tokens of all calls. A jump without more requests: prompts grew, see "
            "Average Tokens per Query.",
            queries=(Query(f"60 * ({tokens})", "tokens"),),
            kind=Kind.NUMBER,
            width=6,
            decimals=0,
        ),
        Panel(
            title="Cost per Hour",
            unit=Unit.USD,
            description="What calls cost at the present pace, in dollars an hour: their GPU-seconds times the price of "
            "the nodes that worked. Idle GPUs are not in it. When it jumps: Cost by Tier and Cost by Node say whose.",
            queries=(Query(f"3600 * sum({rate(COST, WHERE)})", "cost"),),
            kind=Kind.NUMBER,
            width=6,
        ),
    )


def _last_hour() -> tuple[Panel, ...]:
    return (
        Panel(
            title="Cost in the Last Hour",
            unit=Unit.USD,
            description="What the calls of the last hour cost. Far from Cost per Hour: the pace has just changed.",
            queries=(Query(f"sum({increase(COST, WHERE)})", "cost"),),
            kind=Kind.NUMBER,
            width=6,
        ),
        Panel(
            title="Tokens in the Last Hour",
            unit=Unit.TOKENS,
            description="Prompt and generated tokens of the last hour, on all nodes. Over the line: find the caller by "
            "the log line run.finished, which has tenant_id and tokens.",
            queries=(Query("switchyard:tokens:increase1h", "tokens"),),
            kind=Kind.NUMBER,
            width=6,
            decimals=0,
            alert=alert("HighTokenUsage"),
        ),
    )


def _each() -> tuple[Panel, ...]:
    done = increase("switchyard_runs_total", 'outcome="done"')
    return (
        Panel(
            title="Average Tokens per Query",
            unit=Unit.TOKENS,
            description="Prompt and generated tokens of one run of an agent, on average over the last hour. When it "
            "grows: histories or passages in the prompt grew.",
            queries=(Query(per(increase(f"{QUERY_TOKENS}_sum"), increase(f"{QUERY_TOKENS}_count")), "tokens"),),
            kind=Kind.NUMBER,
            width=8,
            decimals=0,
            no_value="no queries",
        ),
        Panel(
            title="Cost per Answer",
            unit=Unit.USD,
            description="What all calls that write answers cost in the last hour, failed tries included, for each run "
            "that was answered. When it grows: a dearer tier or node answers, or many tries fail.",
            queries=(Query(per(increase(COST, WRITING), done), "cost"),),
            kind=Kind.NUMBER,
            width=8,
            no_value="no answers",
        ),
        Panel(
            title="Tokens per GPU-Second",
            unit=Unit.TOKENS_PER_GPU_S,
            description="Generated tokens for each GPU-second of the calls that write answers: what a GPU gets done. "
            "When it falls: long prompts, cold loads, or one call at a time.",
            queries=(Query(per(increase(OUTPUT, WRITING), increase(GPU_SECONDS, WRITING)), "tokens"),),
            kind=Kind.NUMBER,
            width=8,
            no_value="no calls",
        ),
    )


def _tokens() -> tuple[Panel, ...]:
    return (
        Panel(
            title="Prompt and Generated Tokens",
            unit=Unit.TOKENS_PER_MINUTE,
            description="Tokens per minute, in and out. Prompt tokens alone up: documents are read in, or histories "
            "grow; generated ones: longer answers.",
            queries=(
                Query(f"60 * sum({rate(INPUT, WHERE)})", "prompt"),
                Query(f"60 * sum({rate(OUTPUT, WHERE)})", "generated"),
            ),
            kind=Kind.STACK,
            width=6,
        ),
        _thinking(),
        Panel(
            title="Token Distribution by Model",
            unit=Unit.TOKENS,
            description="Prompt and generated tokens of each model over the shown time. Too much on the largest: see "
            "the thresholds of the rating, which picks the tier.",
            queries=(
                Query(
                    f"sum by (model) ({increase(INPUT, WHERE, SHOWN)}) + "
                    f"sum by (model) ({increase(OUTPUT, WHERE, SHOWN)})",
                    "{{model}}",
                ),
            ),
            kind=Kind.PARTS,
            width=6,
        ),
        Panel(
            title="Tokens of a Query",
            unit=Unit.TOKENS,
            description="Prompt and generated tokens of one run of an agent. p95 far above p50: a few sessions carry "
            "a long history.",
            queries=tuple(Query(quantile(share, QUERY_TOKENS), f"p{share * 100:.0f}") for share in (0.5, 0.95)),
            width=6,
            no_value="no queries",
        ),
    )


def _thinking() -> Panel:
    return Panel(
        title="Thinking Tokens by Model",
        unit=Unit.TOKENS_PER_MINUTE,
        description="Generated tokens that were seen to be thinking, per minute, at least so many. Most of what a "
        "model generates: forbid it (think in nodes.toml), or ask for less (low); see Cost by Model.",
        queries=(Query(f"60 * sum by (model) ({rate(THINKING, WHERE)})", "{{model}}"),),
        kind=Kind.STACK,
        width=6,
        no_value="no calls",
    )


def _money() -> tuple[Panel, ...]:
    return tuple(
        Panel(
            title=f"Cost by {label.capitalize()}",
            unit=Unit.USD,
            description=f"Dollars an hour at the present pace, by {label}. {hint}",
            queries=(Query(f"3600 * sum by ({label}) ({rate(COST, WHERE)})", f"{{{{{label}}}}}"),),
            kind=Kind.STACK,
        )
        for label, hint in (
            (
                "tier",
                "complex grows: is the rating right? See the routes; embed: documents are read in; own: the platform "
                "tries models that nobody uses.",
            ),
            ("node", "A node that costs more than its share: its price, or calls that no other node can take."),
            ("model", "A model that grows alone: who asks for it by name?"),
        )
    )


def _gpu_time() -> tuple[Panel, ...]:
    busy = rate(GPU_SECONDS, WHERE)
    return (
        Panel(
            title="GPU-Seconds by Node",
            unit=Unit.GPUS,
            description="GPU-seconds a second on each node: how many GPUs work. Paid but idle: the node's GPUs less "
            "this.",
            queries=(Query(f"sum by (node) ({busy})", "{{node}}"),),
            kind=Kind.STACK,
        ),
        Panel(
            title="GPU-Seconds by Model",
            unit=Unit.GPUS,
            description="GPU-seconds a second of each model. A model that holds GPUs and answers little: see Tokens "
            "per GPU-Second by Model.",
            queries=(Query(f"sum by (model) ({busy})", "{{model}}"),),
            kind=Kind.STACK,
        ),
        Panel(
            title="Tokens per GPU-Second by Model",
            unit=Unit.TOKENS_PER_GPU_S,
            description="Generated tokens for each GPU-second of a model that writes answers. One model falls: its "
            "node is slow or cold; compare the nodes by choosing one above.",
            queries=(Query(per(rate(OUTPUT, WRITING), rate(GPU_SECONDS, WRITING), by="model"), "{{model}}"),),
            no_value="no calls",
        ),
    )


def _purposes() -> tuple[Panel, ...]:
    return (
        Panel(
            title="GPU-Seconds by Purpose",
            unit=Unit.GPUS,
            description="GPU-seconds a second by what calls are for. probe and proof are the installation's own, and "
            "small: if not, a model that nobody uses is slow to answer one token.",
            queries=(Query(f"sum by (purpose) ({rate(PURPOSES)})", "{{purpose}}"),),
            kind=Kind.STACK,
        ),
        Panel(
            title="Usage without a Row",
            unit=Unit.COUNT,
            description="Calls of the last hour whose usage is not stored, and never will be, by why; and how many "
            "wait for PostgreSQL now. Each lost one is a line usage.lost in the log.",
            queries=(
                Query(f"sum by (reason) ({increase('switchyard_usage_lost_total')})", "{{reason}}"),
                Query("sum(switchyard_usage_waiting)", "waiting"),
            ),
        ),
    )
