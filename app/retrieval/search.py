"""Finds the passages that may answer a question."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from enum import StrEnum
from typing import Protocol

import msgspec
import structlog

from app.degradation import Degradation
from app.errors import ModelUnknown, NodeFailed, NoNodeAvailable
from app.ids import DocumentId, TenantId
from app.postgres import Database
from app.retrieval import sparse
from app.retrieval.chunks import estimate_tokens
from app.retrieval.editions.editions import Editions
from app.retrieval.folding import fold
from app.retrieval.fusion import Measured, Weights, measure, shipped, weigh
from app.retrieval.packing import CountTokens, fit, merged, neighbours, tokens_of
from app.retrieval.passages import Passage as Passage
from app.retrieval.pertinence import pertinent
from app.retrieval.reranking import Reranker, RerankerFailed
from app.retrieval.scope import ALL, Scope
from app.retrieval.search_rows import ColdDocument, Scoped, SearchRows, Span


class Embedded(Protocol):
    """One vector a text, in order, made by the weights of `digest`."""

    @property
    def vectors(self) -> Sequence[Sequence[float]]:
        """The vectors."""
        ...

    @property
    def digest(self) -> str:
        """The weights."""
        ...


Embed = Callable[[str, Sequence[str]], Awaitable[Embedded]]
"""Embeds texts by the model of that name. May raise Unavailable, ModelUnknown."""

OnFound = Callable[[TenantId, Collection[DocumentId]], None]

# Read now: under the first question it would hold up every stream of the process.
_FITTED = shipped()

LIMIT = 50
CONTEXT_TOKENS = 4_000
"""What the passages of a question may come to together, as estimated: a prompt must fit a model's context."""
CANDIDATES = 100
"""Points asked for by meaning, and as many by words: some belong to documents that were just removed or replaced, or
hold a text that another holds too."""


class SearchOutcome(StrEnum):
    """What a search came to."""

    FOUND = "found"
    """There are passages."""
    DOES_NOT_FIT = "does_not_fit"
    """There are passages, and each has more tokens than all may have."""
    NOTHING_FOUND = "nothing_found"
    """No passage speaks to the question strongly enough."""
    NO_DOCUMENTS = "no_documents"
    """There is no live document to look into, or the filters leave none."""


class Looked(msgspec.Struct, frozen=True):
    """What a search came to: passages, best first; `best` is the highest score of all, found or not; None without any.

    `tokens` is what the passages come to together, as estimated; `cold` are documents in the scope that were not looked
    into. A search of all documents does not ask for them. `degraded` is what it had to do without, `floor` the least
    score of a passage.
    """

    outcome: SearchOutcome
    passages: tuple[Passage, ...] = ()
    best: float | None = None
    tokens: int = 0
    cold: tuple[ColdDocument, ...] = ()
    degraded: tuple[Degradation, ...] = ()
    floor: float = 0.0


log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class Search:
    """Asks the index for the nearest chunks by meaning and by words, and PostgreSQL for what they say."""

    def __init__(
        self,
        database: Database,
        editions: Editions,
        *,
        on_found: OnFound = lambda _tenant, _ids: None,
        reranker: Reranker | None = None,
        count_tokens: CountTokens = estimate_tokens,
    ) -> None:
        """`on_found` hears which documents the passages are of; a reranker orders the first of them."""
        self._rows = SearchRows(database)
        self._editions = editions
        self._on_found = on_found
        self._reranker = reranker
        self._count_tokens = count_tokens

    async def find(
        self,
        tenant_id: TenantId,
        question: str,
        *,
        embed: Embed,
        limit: int,
        budget_tokens: int = CONTEXT_TOKENS,
        scope: Scope = ALL,
    ) -> Looked:
        """Look for up to `limit` (at most 50) chunks in the tenant's live documents in the scope.

        Each text comes once (see `folding`), neighbours as one passage, what is beside the point not at all (see
        `pertinence`), nor what speaks to it too weakly (see `fusion`). No connection is held while the question is
        embedded. Raises StoreUnavailable (Qdrant, PostgreSQL), DocumentUnknown, BadInput (scope), and what `embed`
        raises.
        """
        scoped = None if scope == ALL else await self._rows.documents(tenant_id, scope)
        cold = () if scoped is None else scoped.cold
        if scoped is not None and not scoped.live:
            return Looked(SearchOutcome.NO_DOCUMENTS, cold=cold)
        measured, weights = await self._measured(tenant_id, question, embed, scoped)
        weighed = weigh(measured, weights)
        if not weighed:
            return Looked(SearchOutcome.NO_DOCUMENTS, cold=cold)
        likely = [passage for passage in fold(weighed) if passage.score >= weights.floor]
        ordered, degraded = await self._ordered(question, pertinent(likely, question))
        chosen = ordered[: max(1, min(limit, LIMIT))]
        # Where a page does not fit, a part of it may.
        whole = await self._merged(tenant_id, chosen)
        kept = fit(whole, budget_tokens, self._count_tokens) or fit(chosen, budget_tokens, self._count_tokens)
        self._on_found(tenant_id, {passage.document_id for passage in kept})
        tokens = sum(tokens_of(passage, self._count_tokens) for passage in kept)
        return Looked(_outcome(chosen, kept), tuple(kept), weighed[0].score, tokens, cold, degraded, weights.floor)

    async def measured(self, tenant_id: TenantId, question: str, *, embed: Embed, scope: Scope = ALL) -> list[Measured]:
        """Return what is measured of all candidates: to fit weights to. Raises what `find` raises."""
        scoped = None if scope == ALL else await self._rows.documents(tenant_id, scope)
        return (await self._measured(tenant_id, question, embed, scoped))[0]

    async def _measured(
        self, tenant_id: TenantId, question: str, embed: Embed, scoped: Scoped | None
    ) -> tuple[list[Measured], Weights]:
        """Return what the index proposes and is the tenant's and live, and what it is weighed by."""
        # One edition to the end: vectors of another model's have another length.
        serving = await self._editions.serving()
        embedded = await _embedded(embed, serving.edition.model, question)
        documents = None if scoped is None else list(scoped.live)
        proposed = await serving.index.query(
            tenant_id, embedded.vectors[0], sparse.of_question(question), limit=CANDIDATES, documents=documents
        )
        rows = await self._rows.chunks(tenant_id, [one.id for one in proposed]) if proposed else {}
        return measure(question, proposed, rows), _FITTED.weights_for(embedded.digest)

    async def _ordered(self, question: str, passages: list[Passage]) -> tuple[list[Passage], tuple[Degradation, ...]]:
        """Return the passages in the reranker's order, or as they are where there is none or it fails."""
        if self._reranker is None:
            return passages, ()
        try:
            return await self._reranker.ordered(question, passages), ()
        except RerankerFailed as error:
            log.warning("search.not_reranked", detail=str(error))
            return passages, (Degradation.RERANK,)

    async def _merged(self, tenant_id: TenantId, chosen: Sequence[Passage]) -> list[Passage]:
        groups = neighbours(chosen)
        spans = {
            number: Span(group[0].document_id, group[0].start_offset, group[-1].end_offset)
            for number, group in enumerate(groups)
            if len(group) > 1
        }
        return merged(chosen, groups, await self._rows.texts(tenant_id, spans))


async def _embedded(embed: Embed, model: str, question: str) -> Embedded:
    try:
        embedded = await embed(model, [question])
    except ModelUnknown as error:
        # The documents are embedded by it; that it is not named any more is nothing that whoever asks could change.
        raise NoNodeAvailable(error.detail) from error
    if len(embedded.vectors) != 1:
        raise NodeFailed(f"1 text gave {len(embedded.vectors)} vectors")
    return embedded


def _outcome(chosen: Sequence[Passage], kept: Sequence[Passage]) -> SearchOutcome:
    if kept:
        return SearchOutcome.FOUND
    return SearchOutcome.DOES_NOT_FIT if chosen else SearchOutcome.NOTHING_FOUND
