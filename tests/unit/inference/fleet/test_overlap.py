"""Slots that differ from what a node runs at once are found from how calls overlap there, and told once."""

from collections.abc import Sequence

import msgspec
import pytest
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from app.inference.fleet.node import Node
from app.inference.fleet.overlap import LEAST_CALLS, Overlap, SlotNotice, judge, waited_us
from app.inference.fleet.slot_watch import SlotWatch
from app.telemetry.metrics import Metrics

NODE = Node(name="a", url="http://a:1", slots=4, models=("m",))
WORK_US = 500_000


def calls(*levels: int, runs: int) -> list[Overlap]:
    """Return calls that began at these levels on a node that runs so many at once."""
    return [Overlap(at_once, WORK_US if at_once > runs else 0, WORK_US) for at_once in levels]


def verdict(seen: Sequence[Overlap], declared: int = 4) -> tuple[SlotNotice, int, int] | None:
    """Return what is told of a node's slots: what, how many it runs at once, and how many calls showed it."""
    found = judge("m", seen, declared)
    return None if found is None else (found.notice, found.runs, found.calls)


@pytest.mark.parametrize("runs", [1, 2, 3])
def test_a_node_that_runs_fewer_at_once_than_it_has_slots_is_found(runs: int) -> None:
    seen = calls(*(1, 2, 3, 4) * 8, runs=runs)
    assert verdict(seen) == (SlotNotice.TOO_MANY, runs, 8 * (4 - runs))


def test_a_node_that_is_always_full_is_known_to_run_fewer_than_all() -> None:
    assert verdict(calls(*(4,) * 8, runs=1)) == (SlotNotice.TOO_MANY, 3, 8)


def test_calls_that_run_at_once_say_nothing_against_the_slots() -> None:
    assert verdict(calls(*(1, 2, 3, 4) * 16, runs=4)) is None


def test_fewer_calls_than_it_takes_decide_nothing() -> None:
    assert verdict(calls(*(4,) * (LEAST_CALLS - 1), runs=1)) is None
    assert verdict([]) is None


def test_some_calls_hardly_wait_because_another_one_is_about_to_end() -> None:
    seen = calls(*(1, 4) * 8, runs=1)
    early = [Overlap(4, 1000, WORK_US)] * 3
    assert verdict([*seen, *early]) == (SlotNotice.TOO_MANY, 3, 8)


def test_of_two_calls_that_begin_together_the_node_may_take_either_first() -> None:
    metrics = Metrics(CollectorRegistry())
    watch = SlotWatch(metrics)
    for began in range(10):
        # The second to hold a slot came first there, and ended first.
        watch.note(NODE, "m", Overlap(2, 0, WORK_US, began - 0.01, began + 0.02))
        watch.note(NODE, "m", Overlap(1, WORK_US, WORK_US, began, began + 0.5))
    (notice,) = watch.found([NODE])["a"]
    assert notice.detail.startswith("4 slots are declared, and it runs at most 1 calls of m at once: 10 of the last")


def test_a_node_whose_calls_wait_even_alone_is_slow_and_not_short_of_slots() -> None:
    assert verdict([Overlap(at_once, WORK_US, WORK_US) for at_once in (1, 2, 3, 4) * 8]) is None


def test_calls_beyond_the_slots_that_ran_at_once_show_that_there_may_be_more() -> None:
    assert verdict(calls(*(3, 4) * 8, runs=4), declared=2) == (SlotNotice.TOO_FEW, 4, 16)
    assert verdict(calls(*(3, 4) * 8, runs=2), declared=2) is None


@pytest.mark.parametrize(
    ("total_us", "life_us", "expected"),
    [
        (900_000, 700_000, 400_000),
        # A reader that is slow, and a network that is: neither is a wait inside the node.
        (2_000_000, 300_000, 0),
        (500_000, 2_000_000, 0),
        # Nothing is known of the whole, or no sign of life was seen.
        (0, 700_000, 0),
        (900_000, 0, 0),
    ],
)
def test_a_wait_inside_shows_in_what_the_node_says_and_in_what_is_seen_from_here(
    total_us: int, life_us: int, expected: int
) -> None:
    assert waited_us(total_us=total_us, worked_us=500_000, life_us=life_us, until_read_us=300_000) == expected


def watched(node: Node = NODE) -> tuple[SlotWatch, Metrics]:
    """Return a watch that has seen a node which runs one call at once."""
    metrics = Metrics(CollectorRegistry())
    watch = SlotWatch(metrics)
    for overlap in calls(*(1, 2) * 8, runs=1):
        watch.note(node, "m", overlap)
    return watch, metrics


def shown(metrics: Metrics, node: str = "a") -> float | None:
    labels = {"node": node, "notice": "too_many_slots"}
    return metrics.registry.get_sample_value("switchyard_node_notice", labels)


def test_what_was_found_is_told_once_with_its_remedy_and_shown() -> None:
    watch, metrics = watched()
    with capture_logs() as logs:
        (notice,) = watch.found([NODE])["a"]
        assert watch.found([NODE])["a"] == (notice,)
    assert (notice.notice, notice.model) == (SlotNotice.TOO_MANY, "m")
    assert "OLLAMA_NUM_PARALLEL" in notice.remedy
    assert [(line["event"], line["declared"], line["runs"]) for line in logs] == [("node.slots_differ", 4, 1)]
    assert shown(metrics) == 1


def test_other_slots_or_another_address_begin_anew_and_a_removed_node_is_forgotten() -> None:
    for changed in ({"slots": 2}, {"url": "http://b:1"}):
        watch, metrics = watched()
        assert watch.found([NODE])["a"]
        now = msgspec.structs.replace(NODE, **changed)
        with capture_logs() as logs:
            assert watch.found([now]) == {"a": ()}
        assert [line["event"] for line in logs] == ["node.slots_fit"]
        assert shown(metrics) == 0
        watch.note(now, "m", Overlap(2, 0, WORK_US))
        assert watch.found([NODE]) == {"a": ()}
        assert watch.found([]) == {}
