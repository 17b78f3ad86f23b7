"""Who embeds what jobs index, and what that is for."""

from collections.abc import Sequence
from typing import assert_never

from app.errors import ModelUnknown, NoNodeAvailable
from app.ids import TenantId
from app.inference.opening import Inference
from app.inference.words.account import Account, Purpose
from app.retrieval.states import JobKind
from app.retrieval.vectors import EmbedFor, Vectors


def purpose_of(kind: JobKind) -> Purpose:
    """Return what the calls of such a job are for."""
    match kind:
        case JobKind.INGEST:
            return Purpose.INGEST
        case JobKind.REINDEX | JobKind.RESTORE:
            return Purpose.REINDEX
        case _:
            assert_never(kind)


def embed_for(inference: Inference) -> EmbedFor:
    """Return what embeds the texts of jobs on the nodes, paid by their tenants."""

    async def embed(tenant_id: TenantId | None, kind: JobKind, model: str, texts: Sequence[str]) -> Vectors:
        account = Account(purpose=purpose_of(kind), tenant_id=tenant_id)
        try:
            embedding = await inference.dispatcher.embed(
                texts, agent="ingest", account=account, on_usage=inference.book.take, model=model
            )
        except ModelUnknown as error:
            # An operator may name it again, and a document is not to be given up for that.
            raise NoNodeAvailable(error.detail) from error
        return embedding.vectors

    return embed
