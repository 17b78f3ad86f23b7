"""Prompts in six languages, with the tier that a person gives them."""

from pathlib import Path

import msgspec

from app.inference.routing.complexity import rate
from app.inference.words.tiers import TIERS, Tier


class Prompt(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One prompt; `kind` says what makes it worth asking."""

    language: str
    kind: str
    tier: Tier
    text: str


class Prompts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file."""

    prompts: tuple[Prompt, ...]


LANGUAGES = ("en", "de", "fr", "es", "zh", "ja")
AGREED = 0.8
PROMPTS = msgspec.toml.decode(Path(__file__).with_name("hand_made.toml").read_bytes(), type=Prompts).prompts


def test_every_language_has_prompts_of_every_tier_and_kind() -> None:
    assert len(PROMPTS) >= 60
    kinds = {prompt.kind for prompt in PROMPTS}
    assert kinds == {"plain", "short_hard", "pasted", "long_easy", "code", "mathematics"}
    found = {language: [prompt for prompt in PROMPTS if prompt.language == language] for language in LANGUAGES}
    assert sum(map(len, found.values())) == len(PROMPTS)
    for prompts in found.values():
        assert {prompt.kind for prompt in prompts} == kinds
        assert {prompt.tier for prompt in prompts} == set(TIERS)


def test_four_in_five_get_the_tier_that_a_person_gives() -> None:
    rated = [(prompt, rate(prompt.text, turns=0, session_tier=None).tier) for prompt in PROMPTS]
    others = [f"{prompt.tier} not {tier}: {prompt.text[:70]!r}" for prompt, tier in rated if prompt.tier is not tier]
    assert len(others) <= (1 - AGREED) * len(PROMPTS), "\n".join(others)


def test_no_hard_question_goes_to_the_smallest_models_and_no_easy_one_to_the_largest() -> None:
    rated = [(prompt, rate(prompt.text, turns=0, session_tier=None).tier) for prompt in PROMPTS]
    assert [p.text for p, tier in rated if (p.tier, tier) == (Tier.COMPLEX, Tier.SIMPLE)] == []
    assert [p.text for p, tier in rated if (p.tier, tier) == (Tier.SIMPLE, Tier.COMPLEX)] == []
