"""Vectors of chunks: how many are asked for at a time, and what becomes of a text that is too long for the model."""

import math
from collections.abc import Awaitable, Callable, Sequence

from app.errors import ContextTooLong, NodeFailed
from app.ids import TenantId
from app.retrieval.chunks import embedded_text, estimate_tokens
from app.retrieval.states import JobKind
from app.retrieval.versions import StoredChunk

Vectors = Sequence[Sequence[float]]
EmbedFor = Callable[[TenantId | None, JobKind, str, Sequence[str]], Awaitable[Vectors]]
"""Embeds texts by the model of that name, as a job of that kind does, on the tenant's account (None: the platform's).

One vector a text, in order. May raise Unavailable, ContextTooLong or Refused.
"""

BATCH = 64
"""The most chunks of one call."""
BATCH_TOKENS = 6_400
"""What they come to at most, as estimated: about two seconds of a small model on two cores, so others do not wait."""
LEAST_CHARS = 40
"""A text is never cut below this to fit the model."""


def sized(chunks: Sequence[StoredChunk]) -> Sequence[StoredChunk]:
    """Return as many of the first chunks as one call may have, at least one of any; the same ones every time."""
    tokens = 0
    for number, chunk in enumerate(chunks[:BATCH]):
        tokens += estimate_tokens(text_of(chunk))
        if tokens > BATCH_TOKENS and number:
            return chunks[:number]
    return chunks[:BATCH]


def text_of(chunk: StoredChunk) -> str:
    """Return what is embedded for a chunk."""
    return embedded_text(chunk.heading, chunk.text, chunk.lead)


def halves(text: str) -> tuple[str, str]:
    """Cut a text in two near its middle, between words where there are some; nothing is lost."""
    middle = len(text) // 2
    blank = text.rfind(" ", len(text) // 4, middle)
    at = middle if blank <= 0 else blank
    return text[:at], text[at:]


def joined(vectors: Sequence[Sequence[float]], weights: Sequence[int]) -> tuple[float, ...]:
    """Return the mean of vectors by weight, as a unit vector (all zeros stay zeros)."""
    total = [
        math.fsum(value * weight for value, weight in zip(column, weights, strict=True))
        for column in zip(*vectors, strict=True)
    ]
    norm = math.hypot(*total)
    return tuple(value / norm for value in total) if norm > 0 else tuple(total)


async def vectors_of(embed: Callable[[Sequence[str]], Awaitable[Vectors]], texts: Sequence[str]) -> Vectors:
    """Return one vector a text; every part of every text is read by the model. Raises what `embed` raises."""
    try:
        vectors = await embed(texts)
    except ContextTooLong:
        # Rare: more tokens than were estimated. Its parts stand for it together.
        if len(texts) > 1:
            return [(await vectors_of(embed, [text]))[0] for text in texts]
        if len(texts[0]) <= LEAST_CHARS:
            raise
        parts = halves(texts[0])
        found = [(await vectors_of(embed, [part]))[0] for part in parts]
        return [joined(found, [len(part) for part in parts])]
    if len(vectors) != len(texts):
        raise NodeFailed(f"{len(texts)} texts gave {len(vectors)} vectors")
    return vectors
