"""What routing is worth, from what each model answered."""

from ops.verify.answers import Asked
from ops.verify.policies import compare, wilson
from ops.verify.questions import Question, Tier

FACT = "twelve"


def asked(tier: Tier, *, is_right: bool, gpu_seconds: float) -> Asked:
    """An answer with the fact and the document, or without either."""
    question = Question(id="q", tier=tier, ask="How many?", documents=("a.md",), facts=((FACT,),))
    citations = ({"document": "a.md"},) if is_right else ()
    answer = FACT if is_right else "many"
    return Asked(question, tier.value, "", "", answer, citations, 0, 0, gpu_seconds, gpu_seconds / 1000)


def test_shuffled_is_the_mean_over_all_ways_of_dealing_out_as_many_to_each_tier() -> None:
    simple, medium, complex_ = Tier.SIMPLE, Tier.MEDIUM, Tier.COMPLEX
    pinned = {
        simple: [asked(simple, is_right=right, gpu_seconds=1.0) for right in (True, False, False, False)],
        medium: [asked(medium, is_right=right, gpu_seconds=2.0) for right in (True, True, False, False)],
        complex_: [asked(complex_, is_right=True, gpu_seconds=10.0) for _ in range(4)],
    }
    routed = [pinned[simple][0], pinned[simple][1], pinned[complex_][2], pinned[complex_][3]]
    sums = {one.name: (one.right, one.gpu_seconds, round(one.cost_usd, 6)) for one in compare(pinned, routed)}
    assert sums == {
        "always simple": (1, 4.0, 0.004),
        "always medium": (2, 8.0, 0.008),
        "always complex": (4, 40.0, 0.04),
        # Half of them at each: half of what each brings.
        "shuffled": (2.5, 22.0, 0.022),
        "routed": (3, 22.0, 0.022),
    }


def test_what_chance_makes_of_a_dealing_is_told_with_it() -> None:
    simple, complex_ = Tier.SIMPLE, Tier.COMPLEX
    wrong = [asked(tier, is_right=False, gpu_seconds=1.0) for tier in [simple] * 20]
    right = [asked(tier, is_right=True, gpu_seconds=1.0) for tier in [complex_] * 20]
    # Ten of each tier: whoever they are, ten are right.
    routed = [*wrong[:10], *right[:10]]
    found = compare({simple: wrong, Tier.MEDIUM: wrong, complex_: right}, routed)
    assert found[-2].likely == (10.0, 10.0)
    low, high = found[-1].likely
    # R: binom.confint(10, 20, methods = "wilson") is 0.299298 to 0.700702.
    assert (round(low / 20, 6), round(high / 20, 6)) == (0.299298, 0.700702)
    assert wilson(0, 14)[0] == 0.0
