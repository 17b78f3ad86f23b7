"""Who embeds the chunks of a job, and what that is for."""

from collections.abc import Sequence
from typing import assert_never

from app.inference.opening import Inference
from app.inference.words.account import Account, Purpose
from app.jobs.rows import ClaimedJob
from app.retrieval.ingest import EmbedFor
from app.retrieval.states import JobKind


def purpose_of(kind: JobKind) -> Purpose:
    """Return what the calls of such a job are for."""
    match kind:
        case JobKind.INGEST:
            return Purpose.INGEST
        case JobKind.REINDEX:
            return Purpose.REINDEX
        case _:
            assert_never(kind)


def embed_for(inference: Inference) -> EmbedFor:
    """Return what embeds a job's texts on the nodes, paid by its tenant."""

    async def embed(job: ClaimedJob, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        account = Account(purpose=purpose_of(JobKind(job.kind)), tenant_id=job.tenant_id)
        embedding = await inference.dispatcher.embed(
            texts, agent="ingest", account=account, on_usage=inference.book.take
        )
        return embedding.vectors

    return embed
