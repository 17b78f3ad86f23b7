"""Models and nodes are chosen together: the tier is a floor, and a wait for a slot has its price."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from app.inference.fleet.catalogue import Node
from app.inference.routing.candidates import PREMIUM_S
from app.inference.routing.placement import NO_WAITS
from app.inference.words.route import Withheld
from app.inference.words.tiers import Tier
from tests.unit.inference.routing.worlds import SPEEDS, WARM, at_tier, joint, need_of, view_of


@pytest.mark.requirement("FIN-87.small")
@pytest.mark.requirement("FIN-14.chosen", "FIN-81.placed")
def test_an_idle_node_answers_each_question_with_the_model_of_its_tier() -> None:
    for loaded in ({}, {"s:latest": 2048, "m:latest": 2048, "c:latest": 2048}):
        for tier, model in ((Tier.SIMPLE, "s"), (Tier.MEDIUM, "m"), (Tier.COMPLEX, "c")):
            placed = joint(need_of(tier), view_of(loaded=loaded))
            assert [(one.model, one.tier) for one in placed.eligible] == [(model, tier)]
            assert placed.tier is tier


def test_no_model_below_the_floor_is_even_a_candidate_while_a_node_serves_it() -> None:
    warm = {"s:latest": 2048, "m:latest": 2048}
    full = view_of("a", loaded=warm, taken=2)
    placed = joint(need_of(Tier.COMPLEX, waited_s=1000.0), full, view_of("b", loaded=warm, taken=2))
    assert {one.model for one in placed.candidates} == {"c"}
    medium = joint(need_of(Tier.MEDIUM), full)
    assert {one.model for one in medium.candidates} == {"m", "c"}


def test_a_lower_tier_answers_only_where_no_node_serves_the_floor_the_highest_first() -> None:
    views = (view_of("a", holds={"s:latest": "ds"}), view_of("b", holds={"m:latest": "dm"}))
    degraded = joint(need_of(Tier.COMPLEX), *views)
    assert (degraded.tier, [one.node for one in degraded.eligible]) == (Tier.MEDIUM, ["b"])
    assert {one.tier for one in degraded.candidates} == {Tier.MEDIUM, Tier.COMPLEX}
    alone = joint(need_of(Tier.COMPLEX), views[0])
    assert (alone.tier, [one.model for one in alone.eligible]) == (Tier.SIMPLE, ["s"])


def test_a_higher_tier_answers_where_the_asked_one_has_no_node() -> None:
    placed = joint(need_of(Tier.SIMPLE), view_of("b", holds={"c:latest": "dc"}))
    assert (placed.tier, [one.model for one in placed.eligible]) == (Tier.COMPLEX, ["c"])


def _busy(waited_s: float = 0.0, *, price: float = 0.0, waits: Mapping[Tier, float] = NO_WAITS) -> list[str]:
    """Return the models that a simple question is offered when node `a` (s) is full and `b` (m) is free."""
    a = view_of("a", holds={"s:latest": "ds"}, loaded=WARM, speeds=SPEEDS, taken=2, price=0.0)
    b = view_of("b", holds={"m:latest": "dm"}, loaded=WARM, speeds=SPEEDS, price=price)
    return [one.model for one in joint(need_of(waited_s=waited_s), a, b, waits=waits).eligible]


def test_a_full_tier_escalates_only_when_that_is_sooner_than_to_wait() -> None:
    # The next tier must be sooner by PREMIUM_S; beside another call the slot that is waited for is slower by half.
    assert _busy() == ["s"]
    assert _busy(waits={Tier.SIMPLE: PREMIUM_S - 0.6}) == ["s"]
    assert _busy(waits={Tier.SIMPLE: PREMIUM_S - 0.4}) == ["m", "s"]
    assert _busy(waits={Tier.SIMPLE: 10.0, Tier.MEDIUM: 9.0}) == ["s", "m"]


def test_a_dearer_tier_must_be_sooner_by_more() -> None:
    # Two seconds at 3.60 USD an hour are worth 20 seconds of waiting.
    assert _busy(waits={Tier.SIMPLE: 21.0}, price=3.6) == ["s"]
    assert _busy(waits={Tier.SIMPLE: 22.0}, price=3.6) == ["m", "s"]


def test_who_has_waited_for_long_is_expected_to_wait_as_long_again() -> None:
    assert _busy(waited_s=PREMIUM_S - 0.6) == ["s"]
    assert _busy(waited_s=PREMIUM_S - 0.4) == ["m", "s"]


def test_a_cold_load_is_not_worth_it_where_a_warm_slot_is_free_soon() -> None:
    warm = view_of("a", loaded=WARM, speeds=SPEEDS, taken=2)
    cold = view_of("b", speeds=SPEEDS)
    assert [one.node for one in joint(need_of(), warm, cold).eligible] == ["a"]
    withheld = next(one for one in at_tier(need_of(), warm, cold) if one.node == "b")
    assert (withheld.withheld, withheld.excluded, withheld.load_s) == (Withheld.BETTER_SOON, None, 20.0)
    assert "b" in [one.node for one in joint(need_of(waited_s=60.0), warm, cold).eligible]


def test_of_nodes_that_are_alike_each_is_offered() -> None:
    views = [view_of(name, loaded=WARM, speeds=SPEEDS, taken=taken) for name, taken in (("a", 0), ("b", 1), ("c", 2))]
    assert [one.node for one in joint(need_of(), *views).eligible] == ["a", "b", "c"]


def test_alternating_long_and_short_requests_load_a_model_once() -> None:
    loaded, loads = dict[str, int](), 0
    for tokens in (3900, 1000) * 4:
        chosen = joint(need_of(prompt_tokens=tokens), view_of(loaded=loaded)).eligible[0]
        loads += not chosen.resident
        loaded = {"s:latest": chosen.num_ctx}
    assert loads == 1
    loads, loaded = 0, {"s:latest": 2048}
    for tokens in (1000, 3900) * 4:
        chosen = joint(need_of(prompt_tokens=tokens), view_of(loaded=loaded)).eligible[0]
        loads += not chosen.resident
        loaded = {"s:latest": chosen.num_ctx}
    assert loads == 1


def test_what_a_node_has_read_before_is_saved_of_the_prefill() -> None:
    need = need_of(cached={("b", "s:latest"): 0.75}, last_node="a")
    a, b = (view_of(name, loaded=WARM, speeds=SPEEDS) for name in "ab")
    first, second = at_tier(need, a, b)
    assert (first.node, first.cached_tokens, first.prefill_s, first.affinity) == ("b", 75, 0.25, True)
    # What the registry of prefixes says goes before where the session was last.
    assert (second.node, second.cached_tokens, second.prefill_s, second.affinity) == ("a", 0, 1.0, False)
    # A model that is not in memory has forgotten what it read.
    (cold,) = at_tier(need, view_of("b", speeds=SPEEDS))
    assert (cold.cached_tokens, cold.affinity) == (0, False)


def test_a_busy_node_that_knows_the_prompt_is_left_where_another_is_done_sooner() -> None:
    need = need_of(cached={("a", "s:latest"): 0.75}, waited_s=3.0)
    a, b = view_of("a", loaded=WARM, speeds=SPEEDS, taken=2), view_of("b", loaded=WARM, speeds=SPEEDS)
    assert [one.node for one in joint(need, a, b).eligible] == ["b", "a"]


def test_output_is_expected_as_such_calls_had_it_and_never_more_than_is_allowed() -> None:
    for known, decode_s in ((None, 1.0), (25.0, 0.5), (5000.0, 2.0)):
        (one,) = at_tier(need_of(output_tokens=known), view_of(speeds=SPEEDS, loaded=WARM))
        assert one.decode_s == decode_s


def test_the_gpu_seconds_expected_are_those_of_all_gpus_of_the_node() -> None:
    view = view_of(speeds=SPEEDS, loaded=WARM)
    node = Node(name="a", url="http://x", slots=2, gpus=4, models=("s",))
    (one,) = at_tier(need_of(), replace(view, node=node))
    assert one.gpu_s == 8.0
