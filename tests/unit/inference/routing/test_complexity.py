"""The rating: tiers of plain questions, bounds, sessions, abstention."""

from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.inference.routing.complexity import SHIPPED, Choice, Rater, Rating, Weights, need_of, rate, read_weights
from app.inference.routing.cue_words import Cue
from app.inference.routing.prototypes import Prototypes
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
    """Return weights in which every cue counts 1, and of a choice its length."""
    fields: dict[str, object] = {
        "cues": {cue.name.lower(): 1.0 for cue in Cue},
        "medium_at": 0.5,
        "complex_at": 2.5,
        "choice": Choice(
            means=(4.0, 0.0, 0.0, 0.0, 0.0),
            deviations=(1.0,) * 5,
            weights=(1.0, 0.0, 0.0, 0.0, 0.0),
            mean=0.0,
            deviation=1.0,
            bias=0.0,
            slope=1.0,
        ),
        "simple_below": 0.3,
        "complex_from": 0.6,
        "margin": 0.05,
    }
    return Weights(**(fields | changes))  # pyright: ignore[reportArgumentType]


def prototypes(**changes: object) -> Prototypes:
    """Return two prototypes of two numbers: more model helps near the first, and not near the second."""
    fields: dict[str, object] = {
        "digest": "d1",
        "size": 2,
        "vectors": b64encode(bytes([127, 0, 0, 127])).decode(),
        "scale": 1 / 127,
        "weights": (1.0, -1.0),
        "temperature": 0.1,
        "mean": 0.0,
        "deviation": 1.0,
        "share": 1.0,
        "story_share": 1.0,
        "bias": 0.0,
        "slope": 1.0,
    }
    return Prototypes(**(fields | changes))  # pyright: ignore[reportArgumentType]


CHOICE = "Pick one.\nA. one\nB. two\nC. three"
STORY = "Tom has 12 apples and gives 5 to Ann. How many apples are left?"


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
    "question", ["", "   ", "?!", "\x00", "\ud800", "🙂🙂🙂", "Каков срок гарантии?", "ما هي مدة الضمان؟"]
)
def test_what_cannot_be_read_abstains(question: str) -> None:
    assert rated(question) == Rating(Tier.MEDIUM, 0.5, TierReason.ABSTAINED)


@pytest.mark.parametrize("question", ["Jak dlouho platí záruka na tuto lampu?", "Mennyi ideig tart ez nekünk ingyen?"])
def test_a_language_that_the_cues_do_not_know_abstains(question: str) -> None:
    assert rated(question) == Rating(Tier.MEDIUM, 0.5, TierReason.ABSTAINED)


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


def test_a_choice_is_ordered_by_its_signs() -> None:
    rater = Rater(weights())
    short, long = (rater.rate(f"{'a ' * size}{CHOICE}", turns=0, session_tier=None).need for size in (1, 100))
    assert short < long
    # ln(32 characters and one) is 3.497, so 0.503 below the mean, and the need logistic(-0.503).
    assert rater.rate(CHOICE, turns=0, session_tier=None).need == pytest.approx(0.3767, abs=1e-3)


def near(question: str, embedding: tuple[float, ...], digest: str | None = "d1") -> float:
    """Return the need of a question with a vector."""
    rater = Rater(weights(prototypes=prototypes()))
    return rater.rate(question, turns=0, session_tier=None, embedding=embedding, embedder_digest=digest).need


@pytest.mark.parametrize("question", [CHOICE, STORY])
def test_a_vector_near_questions_that_took_more_model_raises_the_need(question: str) -> None:
    plain = Rater(weights()).rate(question, turns=0, session_tier=None).need
    assert near(question, (0.0, 1.0)) < plain < near(question, (1.0, 0.0))


@pytest.mark.parametrize(
    ("embedding", "digest"), [((1.0, 0.0), "d2"), ((1.0, 0.0), None), ((1.0, 0.0, 0.0), "d1"), ((), "d1")]
)
def test_a_vector_of_another_embedder_leaves_the_text_alone(embedding: tuple[float, ...], digest: str | None) -> None:
    assert near(CHOICE, embedding, digest) == Rater(weights()).rate(CHOICE, turns=0, session_tier=None).need


def test_prototypes_that_do_not_add_up_are_refused() -> None:
    with pytest.raises(ValueError, match="4 numbers are not 2 vectors of 3"):
        Rater(weights(prototypes=prototypes(size=3)))


@given(st.floats(-1e6, 1e6))
def test_the_need_of_any_blend_is_a_probability(blend: float) -> None:
    assert 0.0 <= need_of(blend, 0.5, 2.5) <= 1.0


def test_signs_that_are_too_few_are_refused() -> None:
    choice = Choice(means=(0.0,), deviations=(1.0,), weights=(1.0,), mean=0.0, deviation=1.0, bias=0.0, slope=1.0)
    with pytest.raises(ValueError, match="5 signs"):
        Rater(weights(choice=choice))


def test_the_shipped_weights_are_small_and_only_raise_the_need() -> None:
    shipped = read_weights(SHIPPED)
    assert SHIPPED.stat().st_size < 300_000
    assert set(shipped.cues) == {cue.name.lower() for cue in Cue}
    assert min(shipped.cues.values()) >= 0
    assert shipped.simple_below + shipped.margin < shipped.complex_from - shipped.margin
