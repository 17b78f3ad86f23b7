"""Shadow recall: whether an edition finds the chunks of its documents as well as the one that serves."""

import random
from collections.abc import Sequence
from typing import LiteralString
from uuid import UUID

import msgspec

from app.ids import ChunkId, TenantId
from app.postgres import Database
from app.retrieval.editions.edition import RECALLED, Recall
from app.retrieval.editions.editions import Open
from app.retrieval.points import SparseVector
from app.retrieval.states import JobKind
from app.retrieval.support.sentences import spans
from app.retrieval.vectors import BATCH, EmbedFor

SAMPLE = 100
SEED = 1
LONGEST_CHARS = 300
"""Of a question: a table's row or a paragraph without an end is cut."""
NO_WORDS = SparseVector((), ())
"""Only meaning is compared: words find the same in every edition."""

# Ids of chunks are hashes: the first one after a random id is a random chunk, and needs no reading of all.
_SAMPLE: LiteralString = """
    SELECT DISTINCT found.id, found.tenant_id, found.text FROM unnest(%(after)s::uuid[]) AS drawn (id)
    CROSS JOIN LATERAL (
        SELECT c.id, c.tenant_id, c.text
        FROM chunks c JOIN documents d ON d.id = c.document_id AND d.tenant_id = c.tenant_id
        WHERE c.id >= drawn.id AND d.state = 'ready' AND d.cold_at IS NULL ORDER BY c.id LIMIT 1
    ) found ORDER BY found.id
"""


class _Asked(msgspec.Struct, frozen=True):
    id: ChunkId
    tenant_id: TenantId
    text: str


async def compare(database: Database, serving: Open, other: Open, embed: EmbedFor) -> Recall:
    """Ask both editions with a sentence of each of a hundred chunks, drawn in the same way every time.

    Each is asked as its tenant, and counts as found where its chunk is among the nearest ten. Raises what `embed` and
    the stores raise.
    """
    drawn = random.Random(SEED)  # noqa: S311 - no secret
    after = [UUID(int=drawn.getrandbits(128)) for _ in range(SAMPLE)]
    async with database.connection("editions.sample") as conn:
        rows = await (await conn.execute(_SAMPLE, {"after": after})).fetchall()
    sample = msgspec.convert(rows, list[_Asked])
    found = [await _found(one, sample, embed) for one in (serving, other)]
    return Recall(len(sample), *found)


def question_of(text: str) -> str:
    """Return the longest sentence of a chunk, cut to 300 characters."""
    longest = max((text[start:end] for start, end in spans(text)), key=len, default=text)
    return longest[:LONGEST_CHARS]


async def _found(opened: Open, sample: Sequence[_Asked], embed: EmbedFor) -> int:
    found = 0
    for start in range(0, len(sample), BATCH):
        asked = sample[start : start + BATCH]
        # Its tenants asked for none of this, and pay for none.
        vectors = await embed(None, JobKind.REINDEX, opened.edition.model, [question_of(one.text) for one in asked])
        for one, vector in zip(asked, vectors, strict=True):
            nearest = await opened.index.query(one.tenant_id, vector, NO_WORDS, limit=RECALLED)
            found += one.id in {proposal.id for proposal in nearest}
    return found
