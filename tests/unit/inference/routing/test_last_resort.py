"""What becomes of a call when everything that could serve it failed lately."""

from dataclasses import replace

from app.breaker import BreakerState
from app.inference.fleet.views import NodeState
from app.inference.routing.placement import explain
from app.inference.words.records import CallKind
from app.inference.words.route import Exclusion, Reason
from app.inference.words.tiers import Tier
from tests.unit.inference.routing.worlds import joint, need_of, view_of

FAILED: dict[str, BreakerState] = dict.fromkeys(("s:latest", "m:latest", "c:latest", "e:latest"), BreakerState.OPEN)


def test_rather_than_nobody_a_model_is_asked_whose_breaker_is_open() -> None:
    placement = joint(need_of(model="s"), view_of("a", breakers=FAILED), view_of("b", state=NodeState.DOWN))
    (chosen,) = placement.eligible
    assert (chosen.node, chosen.forgiven, explain(placement.candidates, chosen)) == ("a", True, Reason.LAST_RESORT)


def test_what_works_is_asked_before_what_failed_be_it_of_another_tier() -> None:
    open_at_simple = {"s:latest": BreakerState.OPEN}
    eligible = joint(need_of(Tier.SIMPLE), view_of("a", breakers=open_at_simple)).eligible
    assert {(one.model, one.forgiven) for one in eligible} == {("m", False)}


def test_the_last_resort_rests_after_each_failure() -> None:
    resting = replace(view_of("a", breakers=FAILED), resting=list(FAILED))
    placement = joint(need_of(model="s"), resting)
    assert placement.eligible == ()
    assert [one.excluded for one in placement.candidates] == [Exclusion.BREAKER_OPEN]


def test_a_call_that_failed_there_before_goes_to_another_last_resort() -> None:
    views = (view_of("a", breakers=FAILED), view_of("b", breakers=FAILED))
    eligible = joint(need_of(model="s", tried=frozenset({"a"})), *views).eligible
    assert [one.node for one in eligible] == ["b"]
    vectors = joint(need_of(None, kind=CallKind.EMBED, max_tokens=0, model="e"), *views).eligible
    assert [one.node for one in vectors] == ["a", "b"]
