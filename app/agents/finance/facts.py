"""What figures say in sentences, with what an answer must keep of them, and whether an answer does."""

import re
from collections.abc import Sequence

import msgspec

from app.agents.finance.figures import Figure
from app.agents.keeping import has_no_other_number

OPENING = "Here is what the filings say:"
"""What an answer begins with that no model said."""
_NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")
_SHARE = re.compile(r"(\d[\d,]*(?:\.\d+)?)\s?(?:%|per ?cent\b)", re.IGNORECASE)
_LESS = re.compile(
    r"\b(?:loss(?:es)?|lost|negative|deficit|benefit|minus|outflows?|used|paid|spent)\b|[-\u2212(]\s?[$€£]?\s?\d",
    re.IGNORECASE,
)
_MARK = re.compile(r"\[\d{1,2}\]")


class Fact(msgspec.Struct, frozen=True):
    """A sentence, what of it stands word for word in every answer, and the figures that it is of or computed from.

    Of one that `is_loss` an answer also says that its number is below nothing.
    """

    text: str
    keeps: tuple[str, ...] = ()
    figures: tuple[Figure, ...] = ()
    is_loss: bool = False


def keeps(answer: str, facts: Sequence[Fact], question: str) -> bool:
    """Return whether an answer has each kept word of the facts, and no number that neither facts nor question have.

    Where a fact is of a loss, it says so; what is no percentage there is none here.
    """
    said = " ".join(_MARK.sub("", answer).split())
    if not all(kept.lower() in said.lower() for fact in facts for kept in fact.keeps):
        return False
    if any(fact.is_loss for fact in facts) and not _LESS.search(said):
        return False
    shares = {one for text in (question, *(fact.text for fact in facts)) for one in _SHARE.findall(text)}
    return set(_SHARE.findall(said)) <= shares and has_no_other_number(said, facts, question, _numbers)


def behind(sentence: str, facts: Sequence[Fact], question: str = "") -> Fact | None:
    """Return the fact that a sentence of an answer tells: the one of which it has most numbers.

    None where it has a number that neither the facts nor the question have.
    """
    own = set(_numbers(sentence))
    shared = [(len(own & set(_numbers(fact.text))), -n) for n, fact in enumerate(facts)]
    best = max(shared, default=(0, 0))
    return facts[-best[1]] if best[0] and has_no_other_number(sentence, facts, question, _numbers) else None


def _numbers(text: str) -> list[str]:
    return [found.rstrip(",.").replace(",", "") for found in _NUMBER.findall(text)]
