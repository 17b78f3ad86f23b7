"""A call with tools or pictures is placed on a model that takes them, whatever tier that is of."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from app.inference.calls.plan import plan_of
from app.inference.fleet.traits import Traits
from app.inference.fleet.views import NodeState, NodeView
from app.inference.routing.complexity import Rating
from app.inference.routing.explanation import in_words
from app.inference.words.abilities import Ability
from app.inference.words.contract import Contract, Term
from app.inference.words.route import Exclusion
from app.inference.words.tiers import Tier, TierReason
from tests.unit.inference.routing.worlds import SPEEDS, WARM, joint, need_of, view_of

BLIND = Traits(uses_tools=True)
SEES = Traits(uses_tools=True, sees=True)
NOBODY_SEES: dict[str, Traits] = dict.fromkeys("smc", BLIND)
PICTURE, TOOLS = frozenset({Ability.VISION}), frozenset({Ability.TOOLS})


def node(
    traits: Mapping[str, Traits] = NOBODY_SEES, name: str = "a", *, state: NodeState = NodeState.READY
) -> NodeView:
    """Return a node whose models s, m and c can what is said; by itself they know tools, and none sees."""
    told = {f"{model}:latest": can for model, can in (NOBODY_SEES | dict(traits)).items()}
    return replace(view_of(name, state=state, loaded=WARM, speeds=SPEEDS), traits=told)


def test_pictures_go_to_the_model_that_sees_though_it_is_of_a_higher_or_a_lower_tier() -> None:
    for tier, able, served in (
        (Tier.SIMPLE, "c", Tier.COMPLEX),
        (Tier.COMPLEX, "s", Tier.SIMPLE),
        (Tier.MEDIUM, "m", Tier.MEDIUM),
    ):
        placement = joint(need_of(tier, abilities=PICTURE), node({able: SEES}))
        assert [(one.model, one.tier) for one in placement.eligible] == [(able, served)]
        blind = {one.model: one.excluded for one in placement.candidates if one.model != able}
        assert set(blind.values()) == ({Exclusion.NO_VISION} if blind else set())
        assert (placement.unmet, placement.lacking) == (None, None)


def test_tools_go_to_a_model_that_knows_them_and_to_one_of_which_nothing_is_known() -> None:
    placement = joint(need_of(Tier.SIMPLE, abilities=TOOLS), node({"s": Traits()}))
    assert "s" not in [one.model for one in placement.eligible]
    assert next(one.excluded for one in placement.candidates if one.model == "s") is Exclusion.NO_TOOLS
    unknown = joint(need_of(Tier.SIMPLE, abilities=TOOLS), view_of(loaded=WARM, speeds=SPEEDS))
    assert unknown.eligible[0].model == "s"


@pytest.mark.parametrize(("abilities", "lacking"), [(PICTURE, Ability.VISION), (TOOLS, Ability.TOOLS)])
def test_what_no_model_can_is_told_apart_from_a_node_that_is_away(
    abilities: frozenset[Ability], lacking: Ability
) -> None:
    unable = dict.fromkeys("smc", Traits())
    assert joint(need_of(abilities=abilities), node(unable), node(unable, "b")).lacking is lacking
    assert joint(need_of(abilities=abilities), node(unable, state=NodeState.DOWN)).lacking is lacking
    away = node(unable | {"c": SEES}, "b", state=NodeState.DOWN)
    assert joint(need_of(abilities=abilities), node(unable), away).lacking is None
    assert joint(need_of(), node(state=NodeState.DOWN)).lacking is None


def test_a_contract_holds_for_pictures_too() -> None:
    need = need_of(Tier.COMPLEX, abilities=PICTURE, contract=Contract(no_degrade=True))
    placement = joint(need, node({"s": SEES}))
    assert (placement.eligible, placement.unmet, placement.lacking) == ((), Term.NO_DEGRADE, None)


def test_a_choice_says_what_the_call_needs_and_who_lacked_it() -> None:
    need = need_of(Tier.SIMPLE, abilities=PICTURE | TOOLS)
    rating = Rating(Tier.SIMPLE, 0.2, TierReason.RATED)
    plan = plan_of(need, Tier.SIMPLE, rating, joint(need, node({"c": SEES})))
    assert (plan.lacking, plan.choice.asking.abilities) == (None, (Ability.TOOLS, Ability.VISION))
    said = in_words(plan.choice)
    assert (said.chosen, said.lacked) == ("c on a (complex)", "it cannot see the pictures of the call")
    assert "rated 0.20 of 1; the call needs tools and vision. The tier simple had no node that could" in said.why
    none = plan_of(need, Tier.SIMPLE, rating, joint(need, node()))
    assert (none.choice.chosen, none.lacking) == (None, Ability.VISION)
