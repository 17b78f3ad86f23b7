"""The rating: tiers of plain questions, bounds, sessions, abstention."""

from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.inference.routing.complexity import SHIPPED, Rater, Rating, Weights, need_of, rate, read_weights
from app.inference.routing.cues import Cue
from app.inference.words.tiers import TIERS, Tier, TierReason

SIMPLE = ["What is the warranty period?", "Do you ship to Norway?", "How much does the Basic plan cost?", "hello"]
MEDIUM = ["How do I reset my password?", "Explain how the loyalty points work.", "Why was my card charged twice?"]
COMPLEX = [
    "Compare the two plans for a team of 12 over three years and explain which is cheaper and why.",
    "If I add 3 users on 20 May, how much will I pay in May and June, given that the 15 % discount ends on 31 May?",
]


def rated(question: str, *, turns: int = 0, session_tier: Tier | None = None) -> Rating:
    """Rate with the weights that ship."""
    return rate(question, turns=turns, session_tier=session_tier)


def weights(**changes: object) -> Weights:
    """Return weights in which every cue counts 1 and the learned score nothing."""
    fields: dict[str, object] = {
        "bits": 4,
        "table": b64encode(bytes(16)).decode(),
        "scale": 1.0,
        "log_chars": 0.0,
        "mean": 0.0,
        "deviation": 1.0,
        "cues": {cue.name.lower(): 1.0 for cue in Cue},
        "learned": 0.0,
        "exam_bias": 1.0,
        "exam_learned": 1.0,
        "medium_at": 0.5,
        "complex_at": 2.5,
        "simple_below": 0.3,
        "complex_from": 0.6,
        "margin": 0.05,
    }
    return Weights(**(fields | changes))  # pyright: ignore[reportArgumentType]


@pytest.mark.requirement("FIN-13.simple", "FIN-81.rated")
@pytest.mark.parametrize("question", SIMPLE)
def test_a_question_for_one_fact_is_simple(question: str) -> None:
    assert rated(question).tier is Tier.SIMPLE


@pytest.mark.requirement("FIN-13.medium")
@pytest.mark.parametrize("question", MEDIUM)
def test_an_explanation_or_a_procedure_is_medium(question: str) -> None:
    assert rated(question).tier is Tier.MEDIUM


@pytest.mark.requirement("FIN-13.complex")
@pytest.mark.parametrize("question", COMPLEX)
def test_several_parts_under_conditions_are_complex(question: str) -> None:
    assert rated(question).tier is Tier.COMPLEX


def test_length_does_not_make_one_fact_complex() -> None:
    greeting = "I bought the lamp in your shop last week and my family likes it, thank you. "
    assert rated(greeting * 4 + "What is the warranty period?").tier is not Tier.COMPLEX


def test_a_short_question_can_be_complex() -> None:
    assert rated("Diagnose why sync fails only at night.").tier is Tier.COMPLEX


@given(st.text(max_size=2_500), st.integers(0, 50), st.sampled_from([None, *TIERS]))
def test_every_text_gets_a_need_within_bounds_and_never_a_lower_tier(
    question: str, turns: int, session_tier: Tier | None
) -> None:
    rating = rated(question, turns=turns, session_tier=session_tier)
    assert 0.0 <= rating.need <= 1.0
    assert session_tier is None or TIERS.index(rating.tier) >= TIERS.index(session_tier)
    assert rating == rated(question, turns=turns, session_tier=session_tier)


@pytest.mark.requirement("FIN-14.default")
@pytest.mark.parametrize(
    "question", ["", "   ", "?!", "\x00", "\ud800", "🙂🙂🙂", "保証期間はどのくらいですか", "Каков срок гарантии?"]
)
def test_what_cannot_be_read_abstains(question: str) -> None:
    assert rated(question) == Rating(Tier.MEDIUM, 0.5, TierReason.ABSTAINED)


def test_another_language_in_latin_letters_abstains() -> None:
    assert rated("Wie lange gilt eigentlich die Garantie?").reason is TierReason.ABSTAINED


@pytest.mark.parametrize("length", [2_000, 100_000])
def test_a_long_text_is_rated_by_its_ends(length: int) -> None:
    filler = "lorem ipsum dolor sit amet " * (length // 27)
    asked = "Compare both plans, recommend one and justify it."
    assert rated(f"{filler}{asked}").need > rated(f"{filler}Thanks for the lamp.").need


def test_a_session_keeps_its_higher_tier() -> None:
    rating = rated(SIMPLE[0], turns=2, session_tier=Tier.COMPLEX)
    assert (rating.tier, rating.reason) == (Tier.COMPLEX, TierReason.SESSION_KEEPS)
    assert rating.need == rated(SIMPLE[0]).need


def test_a_session_moves_up() -> None:
    rating = rated(COMPLEX[0], turns=2, session_tier=Tier.SIMPLE)
    assert (rating.tier, rating.reason) == (Tier.COMPLEX, TierReason.RATED)


def test_a_follow_up_that_only_points_back_abstains() -> None:
    assert rated("and the other one?", turns=1).reason is TierReason.ABSTAINED
    assert rated("and the other one?", turns=0).tier is Tier.SIMPLE


@given(st.lists(st.sampled_from(["compare", "recommend", "design", "unless", "explain"]), max_size=8))
def test_more_cues_never_lower_the_need(extra: list[str]) -> None:
    rater = Rater(weights())
    needs = [
        rater.rate(" ".join(["the lamp", *extra[:count]]), turns=0, session_tier=None).need
        for count in range(len(extra) + 1)
    ]
    assert needs == sorted(needs)


def test_a_need_next_to_a_threshold_abstains() -> None:
    # "how" counts as one explanation: the blend is 1, and its need (logistic(0.5) + logistic(-1.5)) / 2 is 0.40.
    question = "how the lamp"
    below = Rater(weights(simple_below=0.5)).rate(question, turns=0, session_tier=None)
    close = Rater(weights(simple_below=0.39)).rate(question, turns=0, session_tier=None)
    clear = Rater(weights(simple_below=0.3)).rate(question, turns=0, session_tier=None)
    above = Rater(weights(complex_from=0.35)).rate(question, turns=0, session_tier=None)
    found = [(rating.tier, rating.reason) for rating in (below, close, clear, above)]
    assert found == [
        (Tier.SIMPLE, TierReason.RATED),
        (Tier.MEDIUM, TierReason.ABSTAINED),
        (Tier.MEDIUM, TierReason.RATED),
        (Tier.COMPLEX, TierReason.RATED),
    ]


def test_exam_questions_are_ordered_by_the_learned_score() -> None:
    heavy = Rater(weights(table=b64encode(bytes([50] * 16)).decode(), scale=0.01))
    options = "\nA. one\nB. two\nC. three"
    light_need = Rater(weights()).rate(f"Pick one.{options}", turns=0, session_tier=None).need
    assert heavy.rate(f"Pick one.{options}", turns=0, session_tier=None).need > light_need


def test_a_learned_score_with_weight_moves_user_questions_and_one_without_is_not_asked() -> None:
    table = b64encode(bytes([50] * 16)).decode()
    needs = [
        Rater(weights(table=table, scale=0.01, learned=learned)).rate("the lamp", turns=0, session_tier=None).need
        for learned in (0.0, 0.01, 1.0)
    ]
    assert needs[0] == needs[1] < needs[2]


@given(st.floats(-1e6, 1e6))
def test_the_need_of_any_blend_is_a_probability(blend: float) -> None:
    assert 0.0 <= need_of(blend, 0.5, 2.5) <= 1.0


def test_a_table_of_the_wrong_size_is_refused() -> None:
    with pytest.raises(ValueError, match="16 entries"):
        Rater(weights(bits=5))


def test_the_shipped_weights_are_small_and_only_raise_the_need() -> None:
    shipped = read_weights(SHIPPED)
    assert SHIPPED.stat().st_size < 300_000
    assert set(shipped.cues) == {cue.name.lower() for cue in Cue}
    assert min(shipped.cues.values()) >= 0
    assert shipped.simple_below + shipped.margin < shipped.complex_from - shipped.margin
