"""What a caller insists on is kept, whatever the load."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import ContractUnmet
from app.ids import KeyContract
from app.inference.fleet.views import NodeState
from app.inference.routing.placement import Placement
from app.inference.words.contract import Contract, Term, strictest, under_key
from app.inference.words.route import Withheld
from app.inference.words.tiers import TIERS, Tier
from tests.unit.inference.routing.worlds import joint, need_of, view_of


def _under(contract: Contract, *holds: str, tier: Tier = Tier.COMPLEX, model: str | None = None) -> Placement:
    view = view_of("a", holds={f"{name}:latest": f"d{name}" for name in holds})
    return joint(need_of(tier, contract=contract, model=model), view)


def test_a_contract_forbids_what_would_be_a_silent_substitution() -> None:
    free = _under(Contract(), "s", "m")
    assert ([one.model for one in free.eligible], free.unmet) == (["m"], None)
    kept = _under(Contract(no_degrade=True), "s", "m")
    assert (kept.eligible, kept.unmet) == ((), Term.NO_DEGRADE)
    assert {one.withheld for one in kept.candidates if one.model in {"s", "m"}} == {Withheld.NO_DEGRADE}
    # Down to the minimum a call may be degraded, and no further.
    low = _under(Contract(min_tier=Tier.MEDIUM), "s", "m")
    assert ([one.model for one in low.eligible], low.unmet) == (["m"], None)
    lower = _under(Contract(min_tier=Tier.MEDIUM), "s")
    assert (lower.eligible, lower.unmet) == ((), Term.MIN_TIER)


def test_a_minimum_tier_raises_what_is_asked() -> None:
    placed = _under(Contract(min_tier=Tier.MEDIUM), "s", "m", "c", tier=Tier.SIMPLE)
    assert (placed.tier, [one.model for one in placed.eligible]) == (Tier.MEDIUM, ["m"])
    assert all(one.premium == 0 for one in placed.eligible)
    named = _under(Contract(min_tier=Tier.MEDIUM), "s", "m", "c", tier=Tier.SIMPLE, model="s")
    assert (named.eligible, named.unmet) == ((), Term.MIN_TIER)


def test_a_pinned_digest_admits_no_other() -> None:
    placed = _under(Contract(digest="dm"), "s", "m", "c", tier=Tier.SIMPLE)
    assert [one.model for one in placed.eligible] == ["m"]
    absent = _under(Contract(digest="other"), "s", "m", "c", tier=Tier.SIMPLE)
    assert (absent.eligible, absent.unmet) == ((), Term.DIGEST)


def test_a_contract_is_not_unmet_where_nothing_could_serve_anyway() -> None:
    down = view_of("a", state=NodeState.DOWN)
    placed = joint(need_of(Tier.COMPLEX, contract=Contract(no_degrade=True, digest="x")), down)
    assert (placed.eligible, placed.unmet) == ((), None)


@given(
    tier=st.sampled_from(TIERS),
    min_tier=st.none() | st.sampled_from(TIERS),
    no_degrade=st.booleans(),
    taken=st.tuples(st.integers(0, 2), st.integers(0, 2)),
    holds=st.tuples(st.sets(st.sampled_from("smc")), st.sets(st.sampled_from("smc"))),
    waited_s=st.floats(0, 100),
)
def test_the_floor_is_never_broken(
    tier: Tier,
    min_tier: Tier | None,
    no_degrade: bool,  # noqa: FBT001 - hypothesis gives it by name
    taken: tuple[int, int],
    holds: tuple[set[str], set[str]],
    waited_s: float,
) -> None:
    contract = Contract(min_tier=min_tier, no_degrade=no_degrade)
    views = [
        view_of(name, holds={f"{model}:latest": f"d{model}" for model in held}, taken=count)
        for name, held, count in zip("ab", holds, taken, strict=True)
    ]
    placed = joint(need_of(tier, contract=contract, waited_s=waited_s), *views)
    served = {one for names in holds for one in names}
    floor = TIERS.index(contract.floor(tier))
    reaching = {model for model in served if "smc".index(model) >= floor}
    for one in placed.eligible:
        at = TIERS.index(one.tier or tier)
        assert min_tier is None or at >= TIERS.index(min_tier)
        assert at >= floor if reaching or no_degrade else at < floor
    assert placed.eligible or not reaching


def test_of_several_contracts_the_strictest_terms_hold() -> None:
    one, other = Contract(min_tier=Tier.MEDIUM, no_degrade=True), Contract(min_tier=Tier.SIMPLE, digest="b")
    assert strictest(one, other) == Contract(min_tier=Tier.MEDIUM, no_degrade=True, digest="b")
    assert strictest(other, other, one) == strictest(one, other)
    assert strictest(Contract(), Contract()) == Contract()


def test_of_two_digests_none_is_left_out_in_silence() -> None:
    with pytest.raises(ContractUnmet) as unmet:
        strictest(Contract(digest="a"), Contract(digest="b"))
    assert unmet.value.facts == {"term": "digest"}


def test_a_request_is_held_to_the_contract_of_its_key() -> None:
    key = KeyContract(min_tier="medium", digest="a", no_degrade=True)
    assert under_key(key, Contract()) == Contract(min_tier=Tier.MEDIUM, digest="a", no_degrade=True)
    assert under_key(key, Contract(min_tier=Tier.COMPLEX)).min_tier is Tier.COMPLEX
    assert under_key(key, Contract(min_tier=Tier.SIMPLE)).min_tier is Tier.MEDIUM
    assert under_key(KeyContract(), Contract(digest="b")) == Contract(digest="b")
    with pytest.raises(ContractUnmet):
        under_key(key, Contract(digest="b"))
