"""Which models are to be in memory where, and why."""

import msgspec
import pytest

from app.breaker import BreakerState
from app.inference.fleet.catalogue import Model
from app.inference.fleet.keep_alive import KeepAlive, kept_s
from app.inference.fleet.loads import Load
from app.inference.fleet.views import NodeState, NodeView
from app.inference.warmth.advice import Advice, Why
from app.inference.warmth.demand import WINDOW_S
from app.inference.warmth.plan import Notes
from app.inference.words.tiers import Tier
from tests.unit.inference.warmth.worlds import EMBED, GB, LARGE, MODELS, SIZES, SMALL, changed, planned, told, view_of


def test_what_is_asked_for_and_nowhere_in_memory_is_loaded_where_the_least_is() -> None:
    assert told(planned([view_of("a", SMALL), view_of("b")], {SMALL: 3, LARGE: 1})) == {
        ("a", SMALL): (Advice.KEEP, Why.ASKED_FOR),
        ("b", SMALL): (Advice.LEAVE_OUT, Why.ELSEWHERE),
        ("a", LARGE): (Advice.LEAVE_OUT, Why.ELSEWHERE),
        ("b", LARGE): (Advice.LOAD, Why.ASKED_FOR),
        ("a", EMBED): (Advice.LEAVE_OUT, Why.UNASKED),
        ("b", EMBED): (Advice.LEAVE_OUT, Why.UNASKED),
    }


def test_the_numbers_say_what_is_asked_taken_needed_and_free() -> None:
    found = planned([view_of("a", SMALL)], {SMALL: 3}, gpu_s=1.25)
    small, large = found["a", SMALL], found["a", LARGE]
    assert (small.calls, small.gpu_s, small.tiers, small.num_ctx) == (3, 1.25, (Tier.SIMPLE,), 2048)
    assert (small.taken_bytes, small.needed_bytes, small.free_bytes) == (2 * GB, 2 * GB, 22 * GB)
    assert (large.calls, large.taken_bytes, large.needed_bytes, large.free_bytes) == (0, None, 8 * GB, 22 * GB)


def test_a_node_loads_one_model_at_a_time_and_first_what_is_asked_for_most() -> None:
    found = told(planned([view_of("a")], {SMALL: 2, LARGE: 1, EMBED: 9}))
    assert found["a", EMBED] == (Advice.LOAD, Why.ASKED_FOR)
    assert found["a", SMALL] == found["a", LARGE] == (Advice.LEAVE_OUT, Why.NODE_LOADING)


def test_a_model_that_takes_most_of_its_nodes_time_is_loaded_at_one_more() -> None:
    views = [view_of("a", SMALL), view_of("b"), view_of("c")]
    for gpu_s, loads in ((0.69 * WINDOW_S, 0), (0.71 * WINDOW_S, 1), (5.0 * WINDOW_S, 1)):
        found = planned(views, {SMALL: 99}, gpu_s=gpu_s)
        reasons = [one.reason for one in found.values() if one.advice is Advice.LOAD]
        assert reasons == [Why.MORE_ASKED_FOR] * loads
    twice = [view_of("a", SMALL), view_of("b", SMALL), view_of("c")]
    assert planned(twice, {SMALL: 99}, gpu_s=WINDOW_S)["c", SMALL].advice is Advice.LEAVE_OUT


def test_what_nobody_asks_for_may_leave_and_makes_room() -> None:
    found = planned([view_of("a", SMALL, EMBED, vram=12)], {LARGE: 1})
    assert told(found) == {
        ("a", SMALL): (Advice.LET_GO, Why.UNASKED),
        ("a", EMBED): (Advice.LET_GO, Why.UNASKED),
        ("a", LARGE): (Advice.LOAD, Why.ASKED_FOR),
    }
    # Beside both 0.8 x 9 GB are free; without the one that leaves first 0.8 x 11 GB.
    assert found["a", LARGE].evicts == (SMALL,)


def test_no_more_leaves_than_must() -> None:
    # Without the vectors' model, which leaves first, 0.8 x 9 GB are free; without the other one alone 0.8 x 10 GB.
    assert planned([view_of("a", EMBED, SMALL, vram=11)], {LARGE: 1})["a", LARGE].evicts == (SMALL,)


@pytest.mark.parametrize(
    ("view", "in_use"),
    [
        pytest.param(view_of("a", SMALL, vram=10), {("a", SMALL)}, id="in use"),
        pytest.param(view_of("a", SMALL, vram=10, pinned=[SMALL]), set[tuple[str, str]](), id="pinned"),
        pytest.param(view_of("a", SMALL, vram=10), None, id="nobody can say whether it is in use"),
    ],
)
def test_what_is_in_use_or_pinned_is_not_pushed_out(view: NodeView, in_use: set[tuple[str, str]] | None) -> None:
    found = told(planned([view], {LARGE: 5}, in_use=in_use))
    assert found["a", LARGE] == (Advice.LEAVE_OUT, Why.NO_ROOM)
    assert found["a", SMALL] == (Advice.KEEP, Why.PINNED if view.pinned else Why.IN_USE)


def test_what_is_asked_for_itself_is_not_pushed_out_by_what_is_asked_for_more() -> None:
    found = told(planned([view_of("a", SMALL, vram=10)], {LARGE: 5, SMALL: 1}))
    assert (found["a", LARGE], found["a", SMALL]) == (
        (Advice.LEAVE_OUT, Why.NO_ROOM),
        (Advice.KEEP, Why.ASKED_FOR),
    )


def test_a_model_of_somebody_else_is_not_pushed_out() -> None:
    view = view_of("a", SMALL, vram=10)
    mine = changed(view, node=msgspec.structs.replace(view.node, models=(LARGE, EMBED)))
    assert planned([mine], {LARGE: 5})["a", LARGE].reason is Why.NO_ROOM


def test_a_pinned_model_is_loaded_though_nobody_asks_and_where_it_is_pinned() -> None:
    found = told(planned([view_of("a"), view_of("b", SMALL, pinned=[LARGE])], {SMALL: 9}))
    assert found["b", LARGE] == (Advice.LOAD, Why.PINNED)
    assert found["a", LARGE] == (Advice.LEAVE_OUT, Why.UNASKED)
    assert planned([view_of("a", LARGE, pinned=[LARGE])])["a", LARGE].reason is Why.PINNED


def test_a_tier_that_is_asked_for_has_a_model_in_memory_when_that_which_served_it_cannot() -> None:
    other = Model(name="other:1b", tiers=(Tier.COMPLEX,), num_ctx=(2048,))
    sizes = SIZES | {"other:1b": 4 * GB}
    models = (*MODELS, other)
    gone = view_of("b", LARGE, state=NodeState.DOWN, sizes=sizes)
    node = view_of("a", sizes=sizes)
    able = changed(node, holds={SMALL: "d", EMBED: "d", "other:1b": "d"})
    found = told(planned([able, gone], {LARGE: 3}, tiers={Tier.COMPLEX: 3}, models=models))
    assert found["a", "other:1b"] == (Advice.LOAD, Why.TIER_ASKED_FOR)
    warm = changed(able, loaded={"other:1b": 2048})
    found = told(planned([warm, gone], {LARGE: 3}, tiers={Tier.COMPLEX: 3}, models=models))
    assert found["a", "other:1b"] == (Advice.KEEP, Why.TIER_ASKED_FOR)


@pytest.mark.parametrize(
    ("view", "why"),
    [
        (view_of("b", state=NodeState.DRAINING), Why.NODE_NOT_READY),
        (view_of("b", breakers={LARGE: BreakerState.OPEN}), Why.BREAKER_OPEN),
        (view_of("b", taken=2), Why.NODE_BUSY),
        (changed(view_of("b"), loading={SMALL: Load(SMALL, 2048, 5.0)}), Why.NODE_LOADING),
        (changed(view_of("b"), holds={SMALL: "d"}), Why.NOT_SERVED),
    ],
)
def test_a_node_that_cannot_load_it_now_says_why(view: NodeView, why: Why) -> None:
    assert planned([view], {LARGE: 1})["b", LARGE].reason is why
    assert planned([view_of("a"), view], {LARGE: 1})["a", LARGE].advice is Advice.LOAD


@pytest.mark.parametrize(
    ("notes", "why"),
    [
        (Notes(failed={("a", LARGE)}), Why.FAILED_LATELY),
        (Notes(spent={"a"}), Why.BUDGET_SPENT),
        (Notes(most_models={"a": 1}), Why.NO_ROOM),
    ],
)
def test_what_failed_lately_is_left_out(notes: Notes, why: Why) -> None:
    assert planned([view_of("a", SMALL)], {LARGE: 1, SMALL: 1}, notes=notes)["a", LARGE].reason is why


def test_beside_others_a_model_needs_a_fifth_more_than_it_takes() -> None:
    """Ollama (server/sched.go, `load`) pushes another out for a model that takes more than 80 % of what is free."""
    for vram, advice in ((12, Advice.LOAD), (11, Advice.LEAVE_OUT)):
        assert planned([view_of("a", SMALL, vram=vram)], {LARGE: 1, SMALL: 1})["a", LARGE].advice is advice
    assert planned([view_of("a", vram=8)], {LARGE: 1})["a", LARGE].advice is Advice.LOAD


def test_three_models_a_gpu_are_the_most_unless_more_were_seen() -> None:
    sizes = {f"m{number}": GB for number in range(5)}
    models = tuple(Model(name=name, tiers=(Tier.SIMPLE,), num_ctx=(2048,)) for name in sizes)
    view = view_of("a", "m0:latest", "m1:latest", "m2:latest", sizes={f"{name}:latest": GB for name in sizes})
    asked = {f"m{number}:latest": 1 for number in range(4)}
    assert planned([view], asked, models=models)["a", "m3"].reason is Why.NO_ROOM
    seen = changed(view, most_models=4)
    assert planned([seen], asked, models=models)["a", "m3"].advice is Advice.LOAD


def test_where_the_memory_is_not_declared_no_more_is_loaded_together_than_was_seen() -> None:
    view = view_of("a", SMALL, vram=None)
    found = planned([view], {LARGE: 1, SMALL: 1})
    assert (found["a", LARGE].reason, found["a", LARGE].free_bytes) == (Why.ROOM_UNKNOWN, None)
    seen = changed(view, most_bytes=10 * GB)
    assert planned([seen], {LARGE: 1, SMALL: 1})["a", LARGE].advice is Advice.LOAD
    assert planned([view_of("a", vram=None)], {LARGE: 1})["a", LARGE].advice is Advice.LOAD
    processor = view_of("a", SMALL, EMBED, vram=None, on_processor=True)
    assert planned([processor], {LARGE: 1, SMALL: 1})["a", LARGE].advice is Advice.LOAD


@pytest.mark.parametrize(
    ("keep_alive", "seconds"),
    [(None, None), (-1, -1.0), ("-1m", -60.0), (0, 0.0), ("30s", 30.0), ("1h30m", 5400.0), (300.5, 300.5), ("0", 0.0)],
)
def test_a_model_that_would_leave_at_once_is_not_loaded(keep_alive: KeepAlive, seconds: float | None) -> None:
    assert kept_s(keep_alive) == seconds
    is_kept = seconds is None or seconds < 0 or seconds >= 60
    found = planned([view_of("a")], {LARGE: 1}, keep_alive=keep_alive)["a", LARGE]
    assert (found.advice, found.reason) == (
        (Advice.LOAD, Why.ASKED_FOR) if is_kept else (Advice.LEAVE_OUT, Why.NOT_KEPT)
    )


def test_a_model_is_loaded_with_the_context_that_it_had_last() -> None:
    view = view_of("a")
    for last, num_ctx in ((4096, 4096), (3000, 3000), (0, 2048), (8192, 2048)):
        assert planned([changed(view, contexts={LARGE: last})], {LARGE: 1})["a", LARGE].num_ctx == num_ctx
