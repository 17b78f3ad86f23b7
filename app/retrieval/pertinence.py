"""Which of the passages found are worth a place in the prompt: none that is beside the point."""

import math
import re
from collections.abc import Sequence

from app.retrieval.chunks import embedded_text
from app.retrieval.passages import Passage
from app.retrieval.words import terms

_HOW = re.compile(
    r"\bhow (?:much|many|long|heavy|big|large|old|far|tall|wide|high|deep|fast|often|soon|late|does|do|is|are|can)\b",
    re.IGNORECASE,
)

_YEAR = re.compile(r"\b[^\W\d_]{1,2}((?:19|20)\d\d)\b")
"""As reports call it: FY2022."""


def pertinent(passages: Sequence[Passage], question: str) -> list[Passage]:
    """Return the passages without those that are beside the point: what they say misleads small models.

    Beside the point is what shares no word with the question and is not the nearest by meaning, where another passage
    holds at least half of the question's words. A question in other words than any passage loses none.
    """
    asked = words_asked(question)
    shared = [len(asked & words_of(passage)) for passage in passages]
    if not asked or 2 * max(shared, default=0) < len(asked):
        return list(passages)
    nearest = max((passage.cosine for passage in passages if passage.cosine is not None), default=math.inf)
    return [
        passage
        for passage, count in zip(passages, shared, strict=True)
        if count or (passage.cosine is not None and passage.cosine >= nearest)
    ]


def words_asked(question: str) -> set[str]:
    """Return the terms of a question that say what it is about ("how long" does not); FY2022 is 2022 too."""
    return set(terms(f"{_HOW.sub(' ', question)} {' '.join(_YEAR.findall(question))}"))


def words_of(passage: Passage) -> set[str]:
    """Return the terms of what a passage says."""
    return set(terms(said_by(passage)))


def said_by(passage: Passage) -> str:
    """Return the text of a passage, with its headings and the words of its documents' names."""
    # FILING_2022.pdf names two words.
    names = " ".join((passage.document, *passage.also)).replace("_", " ")
    return f"{embedded_text(passage.heading, passage.text, passage.lead)} {names}"
