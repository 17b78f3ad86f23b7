"""The queue: who waits for a slot, who is refused and why, and what would make it shorter."""

from grafana.dashboards.panel import Kind, Panel, Query, Unit
from grafana.dashboards.promql import NODE, by_or_none, increase, quantile, rate

NOTICES = f"switchyard_node_notice{{{NODE}}}"
# Each process says the same of the queue that all share.
WAITING = "max by (tier, lane) (switchyard_queue_calls)"
PROMOTIONS = increase("switchyard_queue_promotions_total")
WARM_LOADS = increase("switchyard_warm_loads_total", NODE)


def queue() -> tuple[Panel, ...]:
    """Return the panels about the queue, and about what keeps slots from it."""
    return (*_waiting(), *_lanes(), *_standing())


def _waiting() -> tuple[Panel, ...]:
    refused = by_or_none(
        ("tier", "reason"), rate("switchyard_queue_refused_total"), rate("switchyard_model_calls_total")
    )
    return (
        Panel(
            title="Calls Waiting by Queue",
            unit=Unit.COUNT,
            description="Calls of all processes that wait for a slot, by tier; embed are vectors. One queue alone: its "
            "tier needs more nodes that hold its model; all of them: more slots, or fewer callers.",
            queries=(Query(f"sum by (tier) ({WAITING})", "{{tier}}"),),
            kind=Kind.STACK,
        ),
        Panel(
            title="Time to Empty the Queue",
            unit=Unit.SECONDS,
            description="How long until all that wait now have their slots, as it is expected; a refusal says so in "
            "Retry-After. Steadily above what callers stay for: they are refused at once, see Refused Calls.",
            queries=(Query("max by (tier) (switchyard_queue_drain_seconds)", "{{tier}}"),),
        ),
        Panel(
            title="Refused Calls",
            unit=Unit.PER_MINUTE,
            description="Calls that got no slot, per minute, by why. queue_full, too_long, waited: too few slots, see "
            "the runbook QueueSaturated; tenant_full: one tenant asks too much at once, the others are served; "
            "deadline: the caller gave less time than there is.",
            queries=(Query(f"60 * {refused}", "{{tier}} {{reason}}"),),
            no_value="no calls",
        ),
    )


def _lanes() -> tuple[Panel, ...]:
    return (
        Panel(
            title="Calls Waiting by Lane",
            unit=Unit.COUNT,
            description="Calls of all processes that wait for a slot: questions' vectors and interactive answers, for "
            "which somebody waits; batch answers and background vectors, for which nobody does.",
            queries=(Query(f"sum by (lane) ({WAITING})", "{{lane}}"),),
            kind=Kind.STACK,
        ),
        Panel(
            title="Wait for a Slot by Lane",
            unit=Unit.SECONDS,
            description="How long one in 20 of the calls that got a slot had waited for it (p95), by lane. interactive "
            "as high as batch: there are too few slots even for those that somebody waits for.",
            queries=(Query(quantile(0.95, "switchyard_slot_wait_seconds", by="lane"), "{{lane}}"),),
            no_value="no calls",
        ),
        Panel(
            title="Turns for Having Waited Too Long",
            unit=Unit.COUNT,
            description="Calls of the last hour whose turn it was because they, or their lane, had not been served for "
            "two minutes, whatever they were due. Many of batch or background: that work only just goes on.",
            queries=(Query(by_or_none(("lane",), PROMOTIONS, PROMOTIONS), "{{lane}}"),),
        ),
    )


def _standing() -> tuple[Panel, ...]:
    return (
        Panel(
            title="Processes That Queue Alone",
            unit=Unit.COUNT,
            description="Processes that Redis (coordination) does not answer: each gives out its share of the slots in "
            "its own order. Not 0 for minutes: see the runbook QueueAlone.",
            queries=(Query('sum(1 - switchyard_store_up{store="coordination"})', "alone"),),
            width=6,
            decimals=0,
        ),
        Panel(
            title="Furthest Beyond Its Turn",
            unit=Unit.SECONDS,
            description="The most GPU time that a tenant had beyond its turn, by lane: others come first for so much. "
            "High and steady while calls wait: one tenant has far longer calls than were guessed.",
            queries=(Query("max by (lane) (switchyard_queue_deficit_seconds)", "{{lane}}"),),
            width=6,
        ),
        Panel(
            title="Node Notices",
            unit=Unit.COUNT,
            description="Processes that say so of a node. too_many_slots: calls wait inside the node, where no turn "
            "counts; too_few_slots: it could run more. See the runbook NodeNoticeStanding.",
            queries=(Query(by_or_none(("node", "notice"), NOTICES, NOTICES), "{{node}} {{notice}}"),),
            width=6,
            decimals=0,
        ),
        Panel(
            title="Warm Loads",
            unit=Unit.COUNT,
            description="Models that were loaded ahead of calls in the last hour, by what became of that. pushed_out, "
            "not_kept: the node holds fewer models than was thought; failed: see its log.",
            queries=(Query(by_or_none(("node", "outcome"), WARM_LOADS, WARM_LOADS), "{{node}} {{outcome}}"),),
            width=6,
        ),
    )
