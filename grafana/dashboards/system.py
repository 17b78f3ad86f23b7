"""System Overview: whether the platform answers, how fast, and where it is stuck."""

from grafana.dashboards.alerts import alert
from grafana.dashboards.board import Board, Choice
from grafana.dashboards.inference import NODE_CHOICE, nodes
from grafana.dashboards.panel import Kind, Panel, Query, Row, Unit
from grafana.dashboards.promql import INSTANCE, by_or_none, quantile, rate, ratio_by, total
from grafana.dashboards.queue import queue
from grafana.dashboards.stores import error_logs, stores

# What machines ask every few seconds is not traffic: it would drown an outage of everything else.
REQUESTS = f'{INSTANCE}, endpoint!~"/livez|/readyz|/health|/metrics"'
ANSWERED = rate("http_requests_total", REQUESTS)
RUNS = rate("switchyard_runs_total", INSTANCE)


def board() -> Board:
    """Return the dashboard."""
    return Board(
        uid="switchyard-system",
        title="System Overview",
        description="Whether Switchyard answers, how fast, and where it is stuck.",
        choices=(
            Choice("instance", "Process", "active_queries"),
            NODE_CHOICE,
        ),
        rows=(
            Row("At a glance", (*_answers(), *_load())),
            Row("Requests and runs", (*_requests(), *_runs())),
            Row("Where it went wrong", _wrong()),
            Row("Queue", queue()),
            Row("Models and nodes", nodes()),
            Row("Stores", stores()),
            Row("Logs", error_logs()),
        ),
    )


def _answers() -> tuple[Panel, ...]:
    return (
        Panel(
            title="Request Rate",
            unit=Unit.REQUESTS_PER_S,
            description="HTTP responses per second of all replicas; probes and scrapes are not counted. "
            "A drop to 0 at a busy hour: look at Services Up, then at nginx.",
            queries=(Query(f"sum({ANSWERED})", "requests"),),
            kind=Kind.NUMBER,
            width=4,
        ),
        Panel(
            title="Success Rate",
            unit=Unit.RATIO,
            description="Responses that are not 5xx, of all responses of five minutes. A 4xx is the caller's mistake, "
            "answered well: see Responses by Class. When it falls, see Error Rate.",
            queries=(Query("1 - switchyard:http_errors:ratio5m", "success"),),
            kind=Kind.NUMBER,
            width=4,
            good_from=1 - alert("HighErrorRate").threshold,
            most=1,
            no_value="no traffic",
        ),
        Panel(
            title="Error Rate",
            unit=Unit.RATIO,
            description="Responses with 5xx, of all responses of five minutes. When it rises: Errors in the Logs name "
            "the cause, Node States and the row Stores show what is away.",
            queries=(Query("switchyard:http_errors:ratio5m", "errors"),),
            kind=Kind.NUMBER,
            width=4,
            alert=alert("HighErrorRate"),
            no_value="no traffic",
        ),
    )


def _load() -> tuple[Panel, ...]:
    return (
        Panel(
            title="P95 Latency",
            unit=Unit.SECONDS,
            description="95 of 100 runs of an agent in five minutes end within this time. When it rises: Wait for "
            "a Slot tells a full cluster from a slow model.",
            queries=(Query("switchyard:run_seconds:p95_5m", "p95"),),
            kind=Kind.NUMBER,
            width=4,
            alert=alert("HighLatency"),
            no_value="no runs",
        ),
        Panel(
            title="Active Queries",
            unit=Unit.COUNT,
            description="Runs that are executed now. Far more than there are slots: callers wait, see Wait for a Slot. "
            "Not falling at night: runs hang, look for their run_id in the logs.",
            queries=(Query(f"sum(active_queries{{{INSTANCE}}})", "runs"),),
            kind=Kind.NUMBER,
            width=4,
            decimals=0,
        ),
        Panel(
            title="Services Up",
            unit=Unit.RATIO,
            description="The share of each service's processes that Prometheus can reach. Below 100 %: a process is "
            "down or cannot be reached; Prometheus' page Targets names it.",
            queries=(Query("avg by (job) (up)", "{{job}}"),),
            kind=Kind.NUMBER,
            width=4,
            good_from=1,
            most=1,
        ),
    )


def _requests() -> tuple[Panel, ...]:
    classes = tuple(
        Query(total(rate("http_requests_total", f'{REQUESTS}, status=~"{digit}.."'), ANSWERED), f"{digit}xx")
        for digit in (2, 3, 4, 5)
    )
    duration = "agent_execution_duration_seconds"
    return (
        Panel(
            title="Responses by Class",
            unit=Unit.REQUESTS_PER_S,
            description="Many 4xx: one caller asks wrongly (401 key, 422 body, 429 limit); the log line http.request "
            "has status and endpoint. 5xx: see Error Rate.",
            queries=classes,
            kind=Kind.STACK,
        ),
        Panel(
            title="Latency of Runs",
            unit=Unit.SECONDS,
            description="How long an agent's run takes, from its start to its last token. p99 far above p95: a few "
            "long answers or cold loads; all of them up: see Models and nodes.",
            queries=tuple(
                Query(quantile(share, duration, where=INSTANCE), f"p{share * 100:.0f}") for share in (0.5, 0.95, 0.99)
            ),
            alert=alert("HighLatency"),
            no_value="no runs",
        ),
        Panel(
            title="P95 Latency by Endpoint",
            unit=Unit.SECONDS,
            description="From request to last byte, a stream's whole length included. One endpoint alone: see what "
            "store it uses; all: see Event Loop Lag.",
            queries=(
                Query(
                    quantile(0.95, "api_request_duration_seconds", by="endpoint", where=REQUESTS),
                    "{{endpoint}}",
                ),
            ),
        ),
    )


def _runs() -> tuple[Panel, ...]:
    return (
        Panel(
            title="Runs by Outcome",
            unit=Unit.PER_MINUTE,
            description="Runs that ended, per minute. failed: the log line run.finished has the error_code; refused: "
            "nothing could take it in time; dead: its process died too often.",
            queries=(Query(f"60 * sum by (outcome) ({RUNS})", "{{outcome}}"),),
            kind=Kind.STACK,
            no_value="no runs",
        ),
        Panel(
            title="Time to First Token",
            unit=Unit.SECONDS,
            description="From placement on a node to the first piece of the answer. p95 alone up: models are loaded "
            "cold, see Calls by Reason; p50 too: prompts grew, or the nodes work on too much at once.",
            queries=tuple(
                Query(quantile(share, "switchyard_first_token_seconds"), f"p{share * 100:.0f}") for share in (0.5, 0.95)
            ),
            no_value="no calls",
        ),
        Panel(
            title="Wait for a Slot",
            unit=Unit.SECONDS,
            description="How long calls that got a slot had waited for it, by tier: half of them (p50) and one in 20 "
            "(p95). Steadily above a second: the tier needs more nodes or more slots, see Queue.",
            queries=tuple(
                Query(quantile(share, "switchyard_slot_wait_seconds", by="tier"), f"p{share * 100:.0f} {{{{tier}}}}")
                for share in (0.5, 0.95)
            ),
            no_value="no calls",
        ),
    )


def _wrong() -> tuple[Panel, ...]:
    tools = rate("tool_calls_total", INSTANCE)
    failed_tools = rate("tool_calls_total", f'{INSTANCE}, success="false"')
    errors = by_or_none(("agent_name", "error_type"), rate("agent_errors_total", INSTANCE), RUNS)
    degraded = by_or_none(("reason",), rate("switchyard_degraded_total", INSTANCE), RUNS)
    return (
        Panel(
            title="Agent Errors",
            unit=Unit.PER_MINUTE,
            description="Runs that ended with an error, per minute, by agent and kind. node_failed, no_node_available: "
            "see Node States; store_unavailable: see Stores; no_slot_in_time: see Wait for a Slot.",
            queries=(Query(f"60 * {errors}", "{{agent_name}} {{error_type}}"),),
            no_value="no runs",
        ),
        Panel(
            title="Failed Tool Calls",
            unit=Unit.RATIO,
            description="Tool calls that failed, of all calls of that tool. For the search in documents: Qdrant "
            "Latency, and whether a node that embeds is ready.",
            queries=(Query(ratio_by("tool_name", failed_tools, tools), "{{tool_name}}"),),
            no_value="no tool calls",
        ),
        Panel(
            title="Degraded Answers and Takeovers",
            unit=Unit.PER_MINUTE,
            description="Answers that had to do without a part, and runs that another process finished, per minute. "
            "retrieval: Qdrant or the embedder is away; events, coordination: Redis is; tier: nodes are. Takeovers: "
            "processes die, see Services Up and their last log lines.",
            queries=(
                Query(f"60 * {degraded}", "{{reason}}"),
                Query(f"60 * sum({rate('switchyard_runs_taken_over_total')})", "takeovers"),
            ),
            no_value="no runs",
        ),
    )
