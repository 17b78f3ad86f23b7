"""What visitors ask: first questions by tier, and follow-ups."""

import random
import tomllib
from collections.abc import Sequence
from pathlib import Path

import msgspec

from app.inference.words.tiers import Tier
from ops.load.problems import LoadImpossible

REPOSITORY = Path(__file__).parents[2]
OWN = Path(__file__).with_name("questions.toml")
SAMPLES = REPOSITORY / "samples" / "questions.toml"
MIX = {Tier.SIMPLE: 60, Tier.MEDIUM: 30, Tier.COMPLEX: 10}
"""Of a hundred first questions, how many are meant for each tier. The product decides which tier answers."""


class Question(msgspec.Struct, frozen=True):
    """A question and the tier that it is meant for."""

    tier: Tier
    ask: str


class _Sampled(msgspec.Struct, frozen=True):
    questions: tuple[Question, ...]
    follow_ups: tuple[str, ...] = ()


class Questions(msgspec.Struct, frozen=True):
    """First questions of every tier, and what may be asked after any answer."""

    first: tuple[Question, ...]
    follow_ups: tuple[str, ...]

    def draw(self, source: random.Random) -> str:
        """Return a first question; the tiers come in the proportions of MIX."""
        tiers = sorted(MIX)
        tier = source.choices(tiers, [MIX[tier] for tier in tiers])[0]
        return source.choice([question.ask for question in self.first if question.tier is tier])

    def draw_follow_ups(self, source: random.Random, count: int) -> list[str]:
        """Return `count` follow-ups."""
        return source.choices(self.follow_ups, k=count)


def read_questions(paths: Sequence[Path] = (OWN, SAMPLES)) -> Questions:
    """Read and join question files. Raises LoadImpossible when one cannot be read, or a tier has no question."""
    first: list[Question] = []
    follow_ups: list[str] = []
    for path in paths:
        try:
            found = msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), _Sampled)
        except (OSError, ValueError) as error:
            raise LoadImpossible(f"the questions in {path} cannot be read: {error}") from error
        first += found.questions
        follow_ups += found.follow_ups
    if {question.tier for question in first} != set(Tier) or not follow_ups:
        raise LoadImpossible("there must be a question of every tier, and a follow-up")
    return Questions(tuple(first), tuple(follow_ups))
