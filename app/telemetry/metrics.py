"""Every metric of the application, declared once."""

from collections.abc import Iterable
from itertools import product

from prometheus_client import CollectorRegistry, disable_created_metrics

from app.telemetry.answer_metrics import AnswerMetrics
from app.telemetry.metric import Counter, Gauge, Histogram
from app.telemetry.retrieval_metrics import RetrievalMetrics
from app.telemetry.task_metrics import TaskMetrics

# Seconds. HighLatency alerts at 30 s, so the buckets reach ten times that.
DURATION_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5, 7.5, 10, 15, 20, 30, 45, 60, 120, 300)
SHORT_BUCKETS_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10)
RATIO_BUCKETS = (0.1, 0.2, 0.33, 0.5, 0.67, 0.8, 0.9, 1.1, 1.25, 1.5, 2, 3, 5, 10)
TOKEN_BUCKETS = (64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768, 65536, 131072)


def begin(metric: Counter | Histogram, **values: Iterable[str]) -> None:
    """Let every series with these label values exist, at 0; those that exist stay as they are.

    `rate` and `increase` see only what a series gains after its first sample.
    """
    for chosen in product(*values.values()):
        metric.labels(**dict(zip(values, chosen, strict=True)))


class Metrics(AnswerMetrics, RetrievalMetrics, TaskMetrics):
    """The metrics, bound to one registry. Labels come from bounded sets only; `app/series.py` begins their series."""

    def __init__(self, registry: CollectorRegistry) -> None:
        # A gauge beside each counter and histogram that says when it was made: nobody asks, and it doubles the series.
        disable_created_metrics()
        self.registry = registry
        self._declare_http(registry)
        self._declare_agents(registry)
        self._declare_calls(registry)
        self._declare_queue(registry)
        self._declare_tokens(registry)
        self._declare_estimates(registry)
        self._declare_nodes(registry)
        self._declare_stores(registry)
        self._declare_retrieval(registry)
        self._declare_loops(registry)
        self._declare_answers(registry)
        self._declare_tasks(registry)

    def _declare_http(self, r: CollectorRegistry) -> None:
        labels = ("method", "endpoint", "status")
        # Two source designs name the same measure; both names are kept.
        self.http_requests = Counter("http_requests_total", "HTTP responses, by route template.", labels, registry=r)
        self.api_requests = Counter("api_requests_total", "HTTP responses, by route template.", labels, registry=r)
        self.api_request_duration = Histogram(
            "api_request_duration_seconds",
            "Request to last byte.",
            ("method", "endpoint"),
            buckets=DURATION_BUCKETS_S,
            registry=r,
        )
        self.active_queries = Gauge("active_queries", "Runs that this process executes now.", registry=r)
        self.replicas_configured = Gauge(
            "switchyard_replicas_configured", "Replicas that there should be in all.", registry=r
        )
        self.active_sessions = Gauge(
            "active_sessions", "Sessions that have not expired (a fleet-wide count).", registry=r
        )

    def _declare_agents(self, r: CollectorRegistry) -> None:
        self.agent_invocations = Counter("agent_invocations_total", "Agent executions.", ("agent_name",), registry=r)
        self.agent_execution_duration = Histogram(
            "agent_execution_duration_seconds",
            "One agent execution.",
            ("agent_name", "query_type"),
            buckets=DURATION_BUCKETS_S,
            registry=r,
        )
        self.agent_token_usage = Histogram(
            "agent_token_usage",
            "Tokens in and out of one agent execution.",
            ("agent_name", "model"),
            buckets=TOKEN_BUCKETS,
            registry=r,
        )
        self.agent_errors = Counter(
            "agent_errors_total", "Agent executions that failed.", ("agent_name", "error_type"), registry=r
        )
        self.tool_calls = Counter("tool_calls_total", "Tool calls.", ("tool_name", "success"), registry=r)
        self.tool_outcomes = Counter(
            "switchyard_tool_outcomes_total",
            "What tools that write came to, such as events booked and conflicts found.",
            ("tool_name", "outcome"),
            registry=r,
        )
        self.tool_duration = Histogram(
            "tool_duration_seconds", "One tool call.", ("tool_name",), buckets=DURATION_BUCKETS_S, registry=r
        )
        self.runs = Counter("switchyard_runs_total", "Runs that ended, by state.", ("team", "outcome"), registry=r)
        self.runs_taken_over = Counter(
            "switchyard_runs_taken_over_total", "Runs continued after their owner died.", registry=r
        )
        self.degraded = Counter("switchyard_degraded_total", "Answers given without a part.", ("reason",), registry=r)

    def _declare_calls(self, r: CollectorRegistry) -> None:
        where = ("tier", "node", "model")
        self.model_calls = Counter(
            "switchyard_model_calls_total", "Calls to models, by how they ended.", (*where, "outcome"), registry=r
        )
        self.placements = Counter(
            "switchyard_placements_total", "Calls placed on a node, by why.", ("node", "reason"), registry=r
        )
        self.first_token = Histogram(
            "switchyard_first_token_seconds",
            "From placement to the first delta.",
            ("tier", "model"),
            buckets=DURATION_BUCKETS_S,
            registry=r,
        )
        self.slot_wait = Histogram(
            "switchyard_slot_wait_seconds",
            "Wait for a free slot.",
            ("tier", "lane"),
            buckets=DURATION_BUCKETS_S,
            registry=r,
        )
        self.call_failures = Counter(
            "switchyard_call_failures_total",
            "Attempts that broke at a node, by how.",
            ("node", "failure"),
            registry=r,
        )

    def _declare_queue(self, r: CollectorRegistry) -> None:
        self.calls_waiting = Gauge(
            "switchyard_calls_waiting", "Calls that wait for a slot in this process.", registry=r
        )
        self.queue_calls = Gauge(
            "switchyard_queue_calls",
            "Calls that wait for a slot, of all processes, by queue and lane.",
            ("tier", "lane"),
            registry=r,
        )
        self.queue_drain = Gauge(
            "switchyard_queue_drain_seconds",
            "Time until all that wait in a queue have their slots, as it is expected.",
            ("tier",),
            registry=r,
        )
        self.queue_refused = Counter(
            "switchyard_queue_refused_total", "Calls that got no slot, by why.", ("tier", "reason"), registry=r
        )
        self.queue_promotions = Counter(
            "switchyard_queue_promotions_total",
            "Calls that went before all deficits, because they, or their lane, had not been served for too long.",
            ("lane",),
            registry=r,
        )
        self.queue_deficit = Gauge(
            "switchyard_queue_deficit_seconds",
            "The most GPU time that a tenant had beyond its turn, by lane.",
            ("lane",),
            registry=r,
        )

    def _declare_tokens(self, r: CollectorRegistry) -> None:
        where = ("tier", "node", "model")
        self.input_tokens = Counter("switchyard_input_tokens_total", "Prompt tokens.", where, registry=r)
        self.output_tokens = Counter("switchyard_output_tokens_total", "Generated tokens.", where, registry=r)
        self.thinking_tokens = Counter(
            "switchyard_thinking_tokens_total",
            "Generated tokens that were thinking: those that were seen as such, so at least so many.",
            where,
            registry=r,
        )
        self.answers = Counter(
            "switchyard_answers_total",
            "Chat calls that brought an answer, by why the model stopped.",
            (*where, "finish_reason"),
            registry=r,
        )
        self.gpu_seconds = Counter(
            "switchyard_gpu_seconds_total", "GPU-seconds attributed to calls.", where, registry=r
        )
        self.cost_usd = Counter("switchyard_cost_usd_total", "GPU-seconds times the node's price.", where, registry=r)
        self.purpose_gpu_seconds = Counter(
            "switchyard_purpose_gpu_seconds_total",
            "GPU-seconds attributed to calls, by what those were for.",
            ("purpose",),
            registry=r,
        )
        self.usage_waiting = Gauge(
            "switchyard_usage_waiting", "Calls of this process whose usage is not written yet.", registry=r
        )
        self.usage_lost = Counter(
            "switchyard_usage_lost_total",
            "Calls whose usage has no row and gets none, by why; the log has them.",
            ("reason",),
            registry=r,
        )

    def _declare_estimates(self, r: CollectorRegistry) -> None:
        self.estimate_ratio = Histogram(
            "switchyard_estimate_ratio",
            "Measured over predicted seconds of calls that ended well, by part of the call: 1 is right.",
            ("part", "tier"),
            buckets=RATIO_BUCKETS,
            registry=r,
        )
        self.loads = Counter(
            "switchyard_reload_seconds_total",
            "Seconds that models were loaded for calls, by whether that was foreseen.",
            ("node", "model", "loading"),
            registry=r,
        )

    def _declare_nodes(self, r: CollectorRegistry) -> None:
        self.slots_taken = Gauge(
            "switchyard_slots_taken", "Slots leased on a node, as this process sees it.", ("node",), registry=r
        )
        self.slots_limit = Gauge("switchyard_slots_limit", "Slots that a node has.", ("node",), registry=r)
        self.node_gpus = Gauge("switchyard_node_gpus", "GPUs that a node has.", ("node",), registry=r)
        self.node_model_misconfigured = Gauge(
            "switchyard_node_model_misconfigured",
            "1 for a declared model that a node does not hold, or holds with another digest than is pinned.",
            ("node", "model"),
            registry=r,
        )
        self.warm_loads = Counter(
            "switchyard_warm_loads_total",
            "Models that were loaded ahead of calls, by what became of that.",
            ("node", "model", "outcome"),
            registry=r,
        )
        self.node_state = Gauge(
            "switchyard_node_state", "1 for the state that a node is in.", ("node", "state"), registry=r
        )
        self.node_notice = Gauge(
            "switchyard_node_notice",
            "1 for what this replica has to tell of a node that serves, and should be changed.",
            ("node", "notice"),
            registry=r,
        )

    def _declare_stores(self, r: CollectorRegistry) -> None:
        self.db_query_duration = Histogram(
            "db_query_duration_seconds",
            "One short use of PostgreSQL.",
            ("operation",),
            buckets=SHORT_BUCKETS_S,
            registry=r,
        )
        self.db_pool_size = Gauge("switchyard_db_pool_connections", "Open PostgreSQL connections.", registry=r)
        self.db_pool_taken = Gauge("switchyard_db_pool_taken", "PostgreSQL connections in use.", registry=r)
        self.db_pool_limit = Gauge("switchyard_db_pool_limit", "PostgreSQL connections allowed.", registry=r)
        self.db_pool_waiting = Gauge("switchyard_db_pool_waiting", "Who waits for a PostgreSQL connection.", registry=r)
        self.store_up = Gauge(
            "switchyard_store_up",
            "Whether a store did what it was last asked, as this process met it.",
            ("store",),
            registry=r,
        )
        self.redis_duration = Histogram(
            "switchyard_redis_request_seconds",
            "One Redis request.",
            ("store", "operation"),
            buckets=SHORT_BUCKETS_S,
            registry=r,
        )
        self.qdrant_duration = Histogram(
            "switchyard_qdrant_request_seconds",
            "One Qdrant request.",
            ("operation",),
            buckets=SHORT_BUCKETS_S,
            registry=r,
        )

    def _declare_loops(self, r: CollectorRegistry) -> None:
        self.loop_awake_at = Gauge(
            "switchyard_loop_awake_timestamp_seconds", "When the event loop last looked at itself.", registry=r
        )
        self.loop_lag = Gauge("switchyard_loop_lag_seconds", "How late the event loop woke, last look.", registry=r)
        self.loop_failures = Counter(
            "switchyard_loop_failures_total", "Turns of background loops that broke.", ("loop",), registry=r
        )
        self.loop_streak = Gauge(
            "switchyard_loop_failures_in_a_row",
            "Turns that broke since the last one that worked.",
            ("loop",),
            registry=r,
        )
