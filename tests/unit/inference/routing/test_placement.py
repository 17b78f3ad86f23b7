"""What a node would take for a call, and the reason of a choice."""

from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from app.breaker import BreakerState
from app.inference.estimates import Speed
from app.inference.fleet.views import NodeState
from app.inference.routing.candidates import SECOND_USD_MICRO, context_size
from app.inference.routing.placement import Need, choose, explain, with_taken
from app.inference.words.records import CallKind
from app.inference.words.route import Candidate, Exclusion, Reason
from app.inference.words.tiers import Tier
from tests.unit.inference.routing.worlds import MODELS, at_tier, joint, need_of, view_of


def test_a_warm_node_comes_before_a_cold_one() -> None:
    found = at_tier(need_of(), view_of("a"), view_of("b", loaded={"s:latest": 2048}))
    assert [(one.node, one.resident) for one in found] == [("b", True), ("a", False)]
    assert found[1].load_s > 0


def test_the_node_of_the_last_turn_comes_first() -> None:
    warm = {"s:latest": 2048}
    found = at_tier(need_of(last_node="b"), view_of("a", loaded=warm), view_of("b", loaded=warm))
    assert (found[0].node, found[0].affinity) == ("b", True)
    assert found[0].prefill_s < found[1].prefill_s


def test_the_cheaper_of_two_equal_nodes_comes_first() -> None:
    found = at_tier(need_of(), view_of("a", price=9.0), view_of("b", price=0.1))
    assert [one.node for one in found] == ["b", "a"]
    assert found[0].cost_usd_micro < found[1].cost_usd_micro


def test_loading_reading_and_writing_are_paid_and_waited_for() -> None:
    speeds = {"s:latest": Speed(tokens_per_s=50.0, prefill_per_s=100.0, load_s=3.0)}
    (one,) = at_tier(need_of(), view_of("a", speeds=speeds, price=0.36))
    # Of 100 tokens at most, half are expected.
    assert (one.load_s, one.prefill_s, one.decode_s) == (3.0, 1.0, 1.0)
    # Five seconds at 0.36 USD an hour.
    assert one.cost_usd_micro == 500
    assert one.score == 500 + 5 * SECOND_USD_MICRO


def test_a_node_measured_slow_loses_its_place() -> None:
    slow = {"s:latest": Speed(tokens_per_s=4.0, prefill_per_s=80.0, load_s=0.0)}
    warm = {"s:latest": 2048}
    found = at_tier(need_of(), view_of("a", loaded=warm, speeds=slow), view_of("b", loaded=warm))
    assert [one.node for one in found] == ["b", "a"]


def test_every_exclusion_is_named_and_excluded_candidates_stay_visible() -> None:
    found = at_tier(
        need_of(tried=frozenset({"tried"}), digest="ds"),
        view_of("down", state=NodeState.DOWN),
        view_of("draining", state=NodeState.DRAINING),
        view_of("warming", state=NodeState.WARMING),
        view_of("wrong", state=NodeState.MISCONFIGURED),
        view_of("missing", holds={}),
        view_of("other", holds={"s:latest": "another"}),
        view_of("open", breakers={"s:latest": BreakerState.OPEN}),
        view_of("half", breakers={"s:latest": BreakerState.HALF_OPEN}),
        view_of("tried"),
    )
    simple = {one.node: one.excluded for one in found if one.model == "s"}
    assert simple == {
        "down": Exclusion.NODE_DOWN,
        "draining": Exclusion.NODE_DRAINING,
        "warming": Exclusion.NODE_WARMING,
        "wrong": Exclusion.NODE_MISCONFIGURED,
        "missing": Exclusion.MODEL_MISSING,
        "other": Exclusion.DIGEST_DIFFERS,
        "open": Exclusion.BREAKER_OPEN,
        "half": None,
        "tried": Exclusion.ALREADY_TRIED,
    }


def test_a_named_model_has_no_substitute() -> None:
    view = view_of(holds={"s:latest": "ds"})
    assert joint(need_of(Tier.SIMPLE, model="m"), view).eligible == ()
    embed = Need(CallKind.EMBED, None, prompt_tokens=10, max_tokens=0, model="e")
    assert [one.model for one in joint(embed, view_of()).eligible] == ["e"]


def test_the_context_holds_the_prompt_and_the_answer() -> None:
    assert [at_tier(need_of(max_tokens=tokens), view_of())[0].num_ctx for tokens in (1948, 1949)] == [2048, 4096]


def test_a_loaded_context_that_is_large_enough_stays() -> None:
    model = MODELS[0]
    assert context_size(model, 1000, None) == (2048, False)
    assert context_size(model, 1000, 2048) == (2048, True)
    assert context_size(model, 1000, 4096) == (4096, True)
    assert context_size(model, 3000, 2048) == (4096, False)
    assert context_size(model, 9000, 4096) == (4096, True)
    # Whoever has it loaded: another size would be loaded anew.
    assert context_size(model, 1000, 8192) == (8192, True)
    # An old Ollama does not tell the size.
    assert context_size(model, 1000, 0) == (2048, True)


candidates = st.lists(
    st.builds(
        Candidate,
        node=st.sampled_from(["a", "b", "c"]),
        model=st.sampled_from(["s", "m"]),
        tier=st.just(Tier.SIMPLE),
        slots=st.integers(1, 4),
        score=st.none() | st.floats(0, 1e6),
        crowding=st.floats(0, 1e5),
        excluded=st.none() | st.sampled_from(Exclusion),
    ),
    max_size=6,
)


@given(candidates=candidates, taken=st.dictionaries(st.sampled_from(["a", "b", "c"]), st.integers(0, 5)))
def test_never_a_node_without_a_free_slot_nor_an_excluded_one(
    candidates: list[Candidate], taken: dict[str, int]
) -> None:
    chosen = choose(candidates, taken)
    possible = [
        one
        for one in candidates
        if one.excluded is None and one.score is not None and taken.get(one.node, 0) < one.slots
    ]
    assert (chosen in possible) if possible else chosen is None


@given(candidates=candidates, taken=st.dictionaries(st.sampled_from(["a", "b", "c"]), st.integers(0, 5)))
def test_every_choice_has_a_reason(candidates: list[Candidate], taken: dict[str, int]) -> None:
    chosen = choose(candidates, taken)
    if chosen is not None:
        assert explain(with_taken(candidates, taken, chosen), chosen) in Reason


def test_reasons_say_what_an_operator_would() -> None:
    def reason(chosen: Candidate, *others: Candidate, taken: Mapping[str, int] | None = None) -> Reason:
        return explain(with_taken((chosen, *others), taken or {}, chosen), chosen)

    def one(node: str, score: float, *, resident: bool = True, affinity: bool = False) -> Candidate:
        return Candidate(
            node=node, model="s", tier=None, slots=1, score=score, resident=resident, affinity=affinity
        )  # fmt: skip

    assert reason(one("a", 1)) is Reason.ONLY_CANDIDATE
    assert reason(one("a", 1), one("b", 2)) is Reason.LEAST_COST
    assert reason(one("a", 1), one("b", 1)) is Reason.LEAST_TAKEN
    assert reason(one("a", 1, affinity=True), one("b", 2)) is Reason.AFFINITY
    assert reason(one("a", 1), one("b", 2, resident=False)) is Reason.WARM_AND_FREE
    assert reason(one("a", 2), one("b", 1), taken={"b": 1}) is Reason.WARM_AND_FREE
    assert reason(one("a", 1, resident=False), one("b", 2, resident=False)) is Reason.COLD_LOAD
    assert reason(one("a", 1, resident=False), one("b", 1), taken={"b": 1}) is Reason.ONLY_CANDIDATE
