"""Stores, background work and the newest errors in the logs."""

from grafana.dashboards.alerts import alert
from grafana.dashboards.panel import Kind, Panel, Query, Unit
from grafana.dashboards.promql import INSTANCE, quantile, rate


def stores() -> tuple[Panel, ...]:
    """Return the panels about what the platform keeps its things in."""
    return (*_database(), *_vectors(), *_background())


def _database() -> tuple[Panel, ...]:
    return (
        Panel(
            title="Database Pool",
            unit=Unit.RATIO,
            description="Connections to PostgreSQL in use, of those that a process may open (mean of a minute). Full: "
            "see PostgreSQL Latency; if that is low, something holds a connection across a model call.",
            queries=(Query(f"switchyard:db_pool:taken_ratio{{{INSTANCE}}}", "{{instance}}"),),
            alert=alert("DatabaseConnectionPoolExhausted"),
            most=1,
        ),
        Panel(
            title="PostgreSQL Latency",
            unit=Unit.SECONDS,
            description="p95 of one short use of PostgreSQL, waiting for a connection included. All operations up: "
            "disk or locks; one: its query.",
            queries=(
                Query(quantile(0.95, "db_query_duration_seconds", where=INSTANCE), "all"),
                Query(
                    f"topk(5, {quantile(0.95, 'db_query_duration_seconds', by='operation', where=INSTANCE)})",
                    "{{operation}}",
                ),
            ),
        ),
    )


def _vectors() -> tuple[Panel, ...]:
    return (
        Panel(
            title="Qdrant Latency",
            unit=Unit.SECONDS,
            description="p95 of one request to Qdrant. Up while an upload is read in: wait; otherwise see the peers' "
            "memory and the number of segments.",
            queries=(
                Query("switchyard:qdrant_seconds:p95_5m", "all"),
                Query(
                    quantile(0.95, "switchyard_qdrant_request_seconds", by="operation", where=INSTANCE), "{{operation}}"
                ),
            ),
            alert=alert("QdrantHighLatency"),
        ),
        Panel(
            title="Redis Latency",
            unit=Unit.SECONDS,
            description="p95 of one request to Redis. coordination up: every call waits for its lease, see its CPU; "
            "away: slots are counted by each replica alone and answers say so (degraded).",
            queries=(
                Query(quantile(0.95, "switchyard_redis_request_seconds", by="store", where=INSTANCE), "{{store}}"),
            ),
            width=6,
        ),
        Panel(
            title="Missing Copies",
            unit=Unit.COUNT,
            description="Copies of the collection's shards that the settings ask for and that are not whole. Not 0: a "
            "Qdrant peer is away, or fills its copies again; it falls by itself.",
            queries=(Query("max(switchyard_collection_copies_missing)", "missing"),),
            alert=alert("CollectionCopiesMissing"),
            width=6,
            decimals=0,
        ),
    )


def _found_in_redis() -> Panel:
    return Panel(
        title="Vectors Found in Redis",
        unit=Unit.RATIO,
        description="Share of the texts of documents and questions whose vector was kept from the last 24 hours. 0 "
        "while documents come in is no fault: their texts are new. away: Redis did not answer.",
        queries=(
            Query(
                f"sum by (outcome) ({rate('switchyard_vectors_looked_up_total')}) "
                f"/ ignoring (outcome) group_left () sum ({rate('switchyard_vectors_looked_up_total')})",
                "{{outcome}}",
            ),
        ),
        kind=Kind.STACK,
        width=6,
        no_value="nothing was embedded",
    )


def _background() -> tuple[Panel, ...]:
    return (
        Panel(
            title="Background Jobs",
            unit=Unit.PER_MINUTE,
            description="Documents and other background work that ended, per minute, by outcome. failed: the job's "
            "error is at GET /api/v2/jobs/{id}; none while uploads come in: the worker is down.",
            queries=(Query(f"60 * sum by (kind, outcome) ({rate('switchyard_jobs_total')})", "{{kind}} {{outcome}}"),),
            kind=Kind.STACK,
            width=6,
            no_value="no jobs",
        ),
        _found_in_redis(),
        Panel(
            title="Event Loop Lag",
            unit=Unit.SECONDS,
            description="How late each process' event loop woke. Above 0.1 s: something blocks it, or the CPU is full; "
            "all answers of that process are slow.",
            queries=(Query(f"max by (instance) (switchyard_loop_lag_seconds{{{INSTANCE}}})", "{{instance}}"),),
            width=6,
        ),
    )


def error_logs() -> tuple[Panel, ...]:
    """Return the panel of log lines."""
    return (
        Panel(
            title="Errors in the Logs",
            unit=Unit.NONE,
            description="The newest error lines of replicas and workers. Open one for its ids: run_id or request_id "
            "in Explore shows everything else of that request.",
            queries=(Query('{service=~"replica|worker|migrate", level=~"error|critical"} | json', ""),),
            kind=Kind.LOGS,
            width=24,
            no_value="no errors",
        ),
    )
