"""Which of the passages found are worth a place in the prompt: each text once, none that is beside the point."""

import re
from collections.abc import Iterable, Sequence

import msgspec

from app.retrieval.chunks import embedded_text
from app.retrieval.passages import Passage
from app.retrieval.words import terms

NEAREST = 0.5
"""What a passage scores that is first by meaning: 1 / (0 + 2) (qdrant: lib/segment/src/common/
reciprocal_rank_fusion.rs, `position_score`)."""

_HOW = re.compile(
    r"\bhow (?:much|many|long|heavy|big|large|old|far|tall|wide|high|deep|fast|often|soon|late|does|do|is|are|can)\b",
    re.IGNORECASE,
)


def fold(passages: Iterable[Passage]) -> list[Passage]:
    """Return each text once, where it first stands; it names the other documents that hold it under the same headings.

    The same file under several names would otherwise take every place in the prompt.
    """
    first: dict[tuple[str, str], Passage] = {}
    for passage in passages:
        key = (passage.heading, " ".join(passage.text.split()).casefold())
        known = first.get(key)
        if known is None:
            first[key] = passage
        elif passage.document not in (known.document, *known.also):
            first[key] = msgspec.structs.replace(known, also=(*known.also, passage.document))
    return list(first.values())


def pertinent(passages: Sequence[Passage], question: str) -> list[Passage]:
    """Return the passages without those that are beside the point: what they say misleads small models.

    Beside the point is what shares no word with the question and is not the nearest by meaning, where another passage
    holds at least half of the question's words. A question in other words than any passage loses none.
    """
    asked = words_asked(question)
    shared = [len(asked & words_of(passage)) for passage in passages]
    if not asked or 2 * max(shared, default=0) < len(asked):
        return list(passages)
    return [passage for passage, count in zip(passages, shared, strict=True) if count or passage.score >= NEAREST]


def words_asked(question: str) -> set[str]:
    """Return the terms of a question that say what it is about ("how long" does not)."""
    return set(terms(_HOW.sub(" ", question)))


def words_of(passage: Passage) -> set[str]:
    """Return the terms of what a passage says."""
    return set(terms(said_by(passage)))


def said_by(passage: Passage) -> str:
    """Return the text of a passage, with its headings and its documents' names."""
    return f"{embedded_text(passage.heading, passage.text, passage.lead)} {' '.join((passage.document, *passage.also))}"
