"""Which passages an answer is cited to, and with which of their words."""

import re
from collections.abc import Sequence

from app.agents.values import Citation
from app.retrieval.quotes import quote
from app.retrieval.search import Passage
from app.retrieval.words import is_number, terms

NUMBER_WEIGHT = 3
WORD_WEIGHT = 1
LEAST_SUPPORT = 2
"""What a further quote must add: two words of the answer, or a number, that no better quote holds."""

_ITEM_NUMBER = re.compile(r"^[ \t]*\d{1,3}[.)][ \t]+", re.MULTILINE)


def cite(passages: Sequence[Passage], question: str, answer: str) -> tuple[Citation, ...]:
    """Return the passages that an answer rests on, in their order, each with the verbatim words that support it best.

    The answer's own words count, not those of the question: the passage that holds most of them is cited, then each
    that adds enough. If none holds any, all words of the answer count; if that finds nothing either, every passage is
    cited, for the answer was given nothing else.
    """
    said = _ITEM_NUMBER.sub("", answer)
    quotes = [quote(passage, question, said) for passage in passages]
    every = set(terms(said))
    chosen = _supporting(quotes, every - set(terms(question)), LEAST_SUPPORT) or _supporting(quotes, every, WORD_WEIGHT)
    return tuple(_citation(passages[n], quotes[n]) for n in sorted(chosen) or range(len(passages)))


def _supporting(quotes: Sequence[str], wanted: set[str], least: int) -> list[int]:
    """Return the quotes that cover the wanted words: the best, then each that adds at least `least`."""
    held = [wanted & set(terms(text)) for text in quotes]
    chosen, covered = list[int](), set[str]()
    while len(chosen) < len(quotes):
        # The first of equals: passages come best first.
        best = max(range(len(quotes)), key=lambda n: (_weigh(held[n] - covered), -n))
        if _weigh(held[best] - covered) < (least if chosen else WORD_WEIGHT):
            break
        chosen.append(best)
        covered |= held[best]
    return chosen


def _weigh(found: set[str]) -> int:
    return sum(NUMBER_WEIGHT if is_number(term) else WORD_WEIGHT for term in found)


def _citation(passage: Passage, words: str) -> Citation:
    return Citation(
        document=passage.document,
        document_id=passage.document_id,
        heading=passage.heading,
        quote=words,
        start_offset=passage.start_offset,
        end_offset=passage.end_offset,
        score=round(passage.score, 4),
    )
