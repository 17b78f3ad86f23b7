"""A choice in words."""

import msgspec
import pytest

from app.inference.calls.plan import plan_of
from app.inference.estimates import Speed
from app.inference.routing.complexity import Rating
from app.inference.routing.explanation import Explanation, in_words
from app.inference.routing.placement import Need, Placement
from app.inference.words.contract import Contract
from app.inference.words.route import Candidate, Exclusion, Reason, Withheld
from app.inference.words.tiers import Tier, TierReason
from tests.unit.inference.routing.worlds import SPEEDS, WARM, joint, need_of, view_of

RATED = Rating(Tier.SIMPLE, 0.214, TierReason.RATED)


def words(need: Need, *views: object, rating: Rating = RATED) -> Explanation:
    """Return what would be said of the choice among these nodes."""
    placement = joint(need, *views)  # pyright: ignore[reportArgumentType]
    return in_words(plan_of(need, need.floor or Tier.SIMPLE, rating, placement).choice)


def test_it_says_what_was_chosen_why_and_what_the_runner_up_lacked() -> None:
    a, b = view_of("a", loaded=WARM, speeds=SPEEDS), view_of("b", speeds=SPEEDS)
    said = words(need_of(), a, b)
    assert said.chosen == "s on a (simple)"
    assert said.why == (
        "The tier simple was needed: the question was rated 0.21 of 1. The model is in memory there and a slot was "
        "free; elsewhere it was cold or full."
    )
    assert said.runner_up == "m on a (medium)"
    a_alone, b_alone = (view_of(name, holds={"s:latest": "ds"}, loaded=WARM, speeds=SPEEDS) for name in "ab")
    slower = view_of("b", holds={"s:latest": "ds"}, speeds=SPEEDS)
    assert words(need_of(), a_alone, slower).runner_up == "s on b (simple)"
    assert words(need_of(), a_alone, slower).lacked == (
        "to wait for another one was worth more: it would load the model first (20.0 s)"
    )
    assert words(need_of(), a_alone, b_alone).lacked == "nothing: the two were alike"


def test_what_could_not_serve_says_why() -> None:
    a = view_of("a", holds={"s:latest": "ds"}, loaded=WARM)
    said = words(need_of(tried=frozenset({"b"})), a, view_of("b", holds={"s:latest": "ds"}))
    assert (said.runner_up, said.lacked) == ("s on b (simple)", "the call had failed there before")


def test_a_dry_run_of_a_full_node_names_the_one_that_would_be_waited_for() -> None:
    full = view_of("a", holds={"s:latest": "ds"}, loaded=WARM, speeds=SPEEDS, taken=2)
    choice = plan_of(need_of(), Tier.SIMPLE, RATED, joint(need_of(), full)).choice
    assert choice.chosen is not None
    assert (choice.chosen.node, choice.chosen.excluded) == ("a", None)


def test_what_moved_says_from_where() -> None:
    rating = Rating(Tier.COMPLEX, 0.9, TierReason.RATED)
    said = words(need_of(Tier.COMPLEX), view_of("a", holds={"s:latest": "ds"}), rating=rating)
    assert said.why.endswith("No node served the tier complex or a higher one.")


def test_nothing_that_could_serve_is_no_choice() -> None:
    need = need_of(Tier.COMPLEX, contract=Contract(no_degrade=True))
    placement = joint(need, view_of("a", holds={"s:latest": "ds"}))
    plan = plan_of(need, Tier.COMPLEX, RATED, placement)
    assert (plan.unmet, plan.choice.chosen, plan.choice.reason) == ("no_degrade", None, None)
    said = in_words(plan.choice)
    assert said.chosen is None
    assert said.lacked == "it is below the tier that was needed, which the contract forbids"
    assert {one.excluded for one in placement.candidates} == {None, Exclusion.MODEL_MISSING}


def test_of_two_that_were_offered_the_runner_up_says_by_how_much_it_is_behind() -> None:
    only_simple = {"s:latest": "ds"}
    slower = {"s:latest": Speed(tokens_per_s=40.0, prefill_per_s=100.0, load_s=20.0)}
    a = view_of("a", holds=only_simple, loaded=WARM, speeds=SPEEDS, taken=1)
    b = view_of("b", holds=only_simple, loaded=WARM, speeds=slower, taken=1)
    assert words(need_of(), a, b).lacked == "it would take longer to write (0.2 s more)"
    dearer = view_of("b", holds=only_simple, loaded=WARM, speeds=SPEEDS, price=0.40, taken=1)
    assert words(need_of(max_tokens=40), a, dearer).lacked == "it would cost more (0.000016 USD)"


@pytest.mark.parametrize("reason", list(Reason))
@pytest.mark.parametrize("kept_out", [*Exclusion, *Withheld])
def test_every_reason_has_words(reason: Reason, kept_out: Exclusion | Withheld) -> None:
    chosen = Candidate(node="a", model="s", tier=Tier.SIMPLE)
    field = "excluded" if isinstance(kept_out, Exclusion) else "withheld"
    other = msgspec.structs.replace(chosen, node="b", **{field: kept_out})
    choice = plan_of(need_of(), Tier.SIMPLE, RATED, Placement(Tier.SIMPLE, (other,))).choice
    said = in_words(msgspec.structs.replace(choice, candidates=(chosen, other), chosen=chosen, reason=reason))
    assert said.lacked
    assert said.why.endswith(".")
