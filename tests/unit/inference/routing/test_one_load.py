"""A node loads one model with one context at a time: who waits for that, who joins, and what it is worth."""

from dataclasses import replace

import pytest

from app.inference.fleet.loads import Load
from app.inference.fleet.views import NodeView
from app.inference.words.route import Withheld
from app.inference.words.tiers import Tier
from tests.unit.inference.routing.worlds import SPEEDS, WARM, at_tier, joint, need_of, view_of


def loading(name: str, load: Load, **what: object) -> NodeView:
    """Return how a node looks that loads something."""
    return replace(view_of(name, speeds=SPEEDS), loading={load.model: load}, **what)  # type: ignore[arg-type]


def test_a_call_waits_for_a_load_rather_than_for_nothing_and_goes_to_no_lower_tier() -> None:
    other = loading("a", Load("s:latest", 2048, 5.0))
    placement = joint(need_of(Tier.COMPLEX), other)
    (best, *_) = placement.eligible
    assert (best.model, best.withheld, best.wait_s, best.load_s) == ("c", Withheld.NODE_LOADING, 5.0, 20.0)
    assert {one.tier for one in placement.eligible} == {Tier.COMPLEX}


@pytest.mark.parametrize(("left_s", "wait_s"), [(5.0, 5.0), (0.0, 0.0), (-3.0, 3.0)])
def test_a_load_that_is_overdue_is_expected_to_go_on_for_as_long_again(left_s: float, wait_s: float) -> None:
    (best,) = at_tier(need_of(Tier.COMPLEX), loading("a", Load("m:latest", 2048, left_s)))
    assert (best.withheld, best.wait_s) == (Withheld.NODE_LOADING, wait_s)


def test_who_would_wait_for_a_load_goes_first_where_it_is_served_sooner() -> None:
    held_up, free = loading("a", Load("m:latest", 2048, 5.0)), view_of("b", speeds=SPEEDS)
    assert [one.node for one in joint(need_of(Tier.COMPLEX), held_up, free).eligible] == ["b", "a"]
    warm = replace(held_up, loaded=WARM)
    # What is in memory there is no load.
    assert [(one.node, one.withheld) for one in joint(need_of(Tier.COMPLEX), warm, free).eligible] == [("a", None)]


def test_who_needs_no_more_context_joins_a_load_and_waits_for_what_is_left_of_it() -> None:
    for prompt_tokens, num_ctx in ((100, 4096), (3900, 4096)):
        view = loading("a", Load("s:latest", 4096, 5.0), loaded={"s:latest": 2048})
        (joined,) = at_tier(need_of(prompt_tokens=prompt_tokens), view)
        assert (joined.withheld, joined.num_ctx, joined.resident, joined.load_s) == (None, num_ctx, False, 5.0)


def test_who_needs_more_context_than_is_being_loaded_waits_and_then_loads() -> None:
    (larger,) = at_tier(need_of(prompt_tokens=3900), loading("a", Load("s:latest", 2048, 5.0)))
    assert (larger.withheld, larger.num_ctx, larger.wait_s, larger.load_s) == (Withheld.NODE_LOADING, 4096, 5.0, 20.0)


def test_what_was_loaded_a_moment_ago_holds_up_nobody() -> None:
    assert not Load("m", 2048).holds_up("s", 4096, is_resident=False)
