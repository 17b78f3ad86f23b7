"""How passages become what a prompt can hold: neighbours are one passage, and all of them fit a number of tokens."""

from collections.abc import Callable, Mapping, Sequence

import msgspec

from app.retrieval.chunks import estimate_tokens
from app.retrieval.passages import Passage

CountTokens = Callable[[str], int]

MERGED_CHUNKS = 4
"""So many chunks become one passage at most: a page of print, of which a quote still points at a place."""


def neighbours(passages: Sequence[Passage]) -> list[list[Passage]]:
    """Return the passages in groups that follow each other in a document, each group in the order of its text.

    Only what stands under the same headings on the same page is together. Groups come in the order of the best of each.
    """
    by_place = {(one.document_id, one.ordinal): one for one in passages if one.ordinal is not None}
    groups: list[list[Passage]] = []
    taken: set[int] = set()
    for passage in passages:
        if id(passage) in taken:
            continue
        group = [passage]
        for step in (1, -1):
            while len(group) < MERGED_CHUNKS:
                edge = group[-1] if step == 1 else group[0]
                beside = None if edge.ordinal is None else by_place.get((edge.document_id, edge.ordinal + step))
                if beside is None or id(beside) in taken or not _belong(edge, beside):
                    break
                group.insert(len(group) if step == 1 else 0, beside)
        taken.update(id(one) for one in group)
        groups.append(group)
    return groups


def _belong(one: Passage, other: Passage) -> bool:
    return (one.heading, one.page) == (other.heading, other.page)


def merged(passages: Sequence[Passage], groups: Sequence[Sequence[Passage]], texts: Mapping[int, str]) -> list[Passage]:
    """Return one passage a group; `texts` has what stands from the first character of a group to its last.

    A group without it, of a document whose text is not stored, stays as its passages. The passage has the id and the
    place of its first chunk in the order of `passages`, and the best score.
    """
    found: list[Passage] = []
    places = {one.chunk_id: place for place, one in enumerate(passages)}
    for number, group in enumerate(groups):
        text = texts.get(number)
        if len(group) == 1 or text is None:
            found.extend(group)
            continue
        first = min(group, key=lambda one: places[one.chunk_id])
        cosines = [one.cosine for one in group if one.cosine is not None]
        found.append(
            msgspec.structs.replace(
                first,
                text=text,
                start_offset=group[0].start_offset,
                end_offset=group[-1].end_offset,
                lead=group[0].lead,
                # Another document holds the whole only if it holds every part.
                also=tuple(name for name in first.also if all(name in one.also for one in group)),
                score=max(one.score for one in group),
                cosine=max(cosines, default=None),
                ordinal=group[0].ordinal,
                last=group[-1].ordinal,
            )
        )
    return sorted(found, key=lambda one: places[one.chunk_id])


def tokens_of(passage: Passage, count_tokens: CountTokens = estimate_tokens) -> int:
    """Return how many tokens a passage takes in a prompt, its headings included."""
    return count_tokens(passage.heading) + count_tokens(passage.lead) + count_tokens(passage.text)


def fit(passages: Sequence[Passage], limit_tokens: int, count_tokens: CountTokens = estimate_tokens) -> list[Passage]:
    """Return those passages, in their order, that fit together into `limit_tokens`.

    One that does not fit is left out and the next ones are still tried, so a long passage never hides a short one.
    """
    kept: list[Passage] = []
    left = limit_tokens
    for passage in passages:
        tokens = tokens_of(passage, count_tokens)
        if tokens <= left:
            kept.append(passage)
            left -= tokens
    return kept
