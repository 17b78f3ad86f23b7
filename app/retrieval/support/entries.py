"""The entry that plainly is the answer to a question, where somebody wrote entries to answer: a FAQ."""

import math
import re
from collections.abc import Sequence

from app.retrieval.passages import Passage
from app.retrieval.sections import SEPARATOR
from app.retrieval.support.asked import read_question
from app.retrieval.support.blocks import head_end
from app.retrieval.support.extracting import Extract, Extracting
from app.retrieval.support.fitting import Near

CANDIDATES = 3
"""So many passages, the first, may be the entry."""
STATEMENTS = 8
"""So many statements of each are compared by meaning, those with the most of the question's words."""
LEAST_SCORE = 0.015
"""From this score on an entry answers: questions that the FAQ says nothing on reach 0.011."""
LEAST_NEAR = 0.7
"""Or from this sum of the cosines on, that of its heading and that of its text."""
LEAST_NEAR_UNFOUND = 0.4
"""From this sum on one of all entries answers a question that no search found one for: it shares no word."""
MOST_UNFOUND = 40
"""So many are compared then; of a longer FAQ the first."""
LIKE_HEADING = 0.5
"""From this cosine on a question is the one that stands above the entry, in other words."""
SCORE_WEIGHT = 0.07
"""What a score counts beside the cosines, by its logarithm: one of words alone is high for a neighbour's entry too.
All were set with questions of our own on `samples/insurance_faq`, and an embedder of 384 dimensions."""
ENTRY_CHARS = 1500
"""A longer entry is no answer as a whole."""

_PARAGRAPH_END = re.compile(r"\n[ \t]*\n")


class Entries:
    """Looks for the entry that answers a question. Pure, and reads the passages once.

    Passages without a cosine were not found by a search: they are all of a FAQ that the search found nothing in.
    """

    def __init__(self, question: str, passages: Sequence[Passage]) -> None:
        self._asked, self._question = read_question(question), question
        self._is_found = any(one.cosine is not None for one in passages)
        first = passages[: CANDIDATES if self._is_found else MOST_UNFOUND]
        self._numbered = [(n, one) for n, one in enumerate(first) if one.heading]

    def worth_comparing(self) -> tuple[str, ...]:
        """Return the headings of the entries, and what in them may be the fact that is asked for."""
        compared = [_title(one) for _, one in self._numbered]
        if not self._is_found:
            compared.extend(one.text for _, one in self._numbered)
        elif not self._asked.is_longer:
            for _, one in self._numbered:
                compared.extend(Extracting(self._question, (one,)).worth_comparing()[:STATEMENTS])
        return tuple(dict.fromkeys(compared))

    def extract(self, near: Near, *, is_read_well: bool) -> Extract | None:
        """Return the entry, or its paragraph that states the fact; None where no entry plainly answers.

        `near` is how near the texts of `worth_comparing` are to the question: where that is not known, nothing is
        plain. A model that reads well (`is_read_well`) leaves to the entry only what stands above it.
        """
        if not near or not self._numbered:
            return None
        rank, number, passage = max(((_rank(one, near), n, one) for n, one in self._numbered), key=lambda one: one[0])
        if not _is_plain(passage, near, is_read_well=is_read_well):
            return None
        start, end = self._span(passage, near)
        if end - start > ENTRY_CHARS:
            return None
        return Extract(passage.text[start:end], number, start, end, round(rank, 3))

    def _span(self, passage: Passage, near: Near) -> tuple[int, int]:
        text = passage.text
        begin = head_end(text) + len(text[head_end(text) :]) - len(text[head_end(text) :].lstrip())
        fact = None if self._asked.is_longer else Extracting(self._question, (passage,)).extract(near)
        if fact is None:
            return begin, begin + len(text[begin:].rstrip())
        # The sentences beside a fact say when it holds.
        ends = [match.end() for match in _PARAGRAPH_END.finditer(text, begin)]
        start = max((end for end in ends if end <= fact.start), default=begin)
        end = min((end for end in ends if end >= fact.end), default=len(text))
        return start, start + len(text[start:end].rstrip())


def _title(passage: Passage) -> str:
    return passage.heading.rpartition(SEPARATOR)[2]


def _rank(passage: Passage, near: Near) -> float:
    return _nearness(passage, near) + SCORE_WEIGHT * math.log(max(passage.score, 1e-4))


def _nearness(passage: Passage, near: Near) -> float:
    own = near.get(passage.text, 0.0) if passage.cosine is None else passage.cosine
    return near.get(_title(passage), 0.0) + own


def _is_plain(passage: Passage, near: Near, *, is_read_well: bool) -> bool:
    if near.get(_title(passage), 0.0) >= LIKE_HEADING:
        return True
    if passage.cosine is None:
        return not is_read_well and _nearness(passage, near) >= LEAST_NEAR_UNFOUND
    return not is_read_well and (passage.score >= LEAST_SCORE or _nearness(passage, near) >= LEAST_NEAR)
