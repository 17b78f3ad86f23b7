"""Texts to vectors, of any length."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from app.degradation import Degradation
from app.errors import NoNodeAvailable, NoSlotInTime
from app.ids import TenantId
from app.inference.calls.attempts import Attempts, Limits
from app.inference.calls.calibration import TOKENS_PER_MESSAGE
from app.inference.calls.embedding_cache import EmbeddingCache, plain
from app.inference.calls.progress import too_long
from app.inference.calls.settling import OnUsage, reported_of_embed
from app.inference.calls.tries import Tries, pause
from app.inference.fleet.catalogue import full_name
from app.inference.routing.placement import Need
from app.inference.slots.admission import Admission, Asked, Held
from app.inference.slots.patience import Patience
from app.inference.wire.bodies import EmbedReply, embed_body
from app.inference.wire.ollama import Ollama
from app.inference.words.account import Account, Purpose
from app.inference.words.failures import CallBroke, Failure, RetryBudget
from app.inference.words.priority import Priority
from app.inference.words.records import CallKind, Embedding, identity_of

BYTES_PER_TOKEN = 3.0
"""WordPiece takes 4 for English prose and 3 for Chinese; what takes more tokens is refused by the node, and cut."""


@dataclass(frozen=True, slots=True)
class Asker:
    """Who wants vectors, who pays for them, and the model that is to make them, if not the platform's own."""

    agent: str
    account: Account
    model: str | None = None
    priority: Priority = Priority.INTERACTIVE


KEPT_FOR = frozenset({Purpose.SEARCH, Purpose.INGEST, Purpose.REINDEX})
"""Purposes whose vectors are kept: those of documents and of questions about them, but not what clients ask for."""


class Embedder:
    """Embeds batches on the nodes that hold the embedding model."""

    def __init__(
        self,
        admission: Admission,
        attempts: Attempts,
        ollama: Ollama,
        *,
        limits: Limits,
        model: str,
        retries: RetryBudget,
        cache: EmbeddingCache | None = None,
    ) -> None:
        self._admission = admission
        self._attempts = attempts
        self._ollama = ollama
        self._limits = limits
        self._model = model
        self._retries = retries
        self._cache = cache

    async def embed(self, texts: Sequence[str], asker: Asker, patience: Patience, on_usage: OnUsage) -> Embedding:
        """See Dispatcher.embed. What is kept of documents and questions is not asked for again."""
        tenant_id, cache = asker.account.tenant_id, self._cache
        if cache is None or tenant_id is None or asker.account.purpose not in KEPT_FOR:
            return await self._made(texts, asker, patience, on_usage)
        wanted = [plain(text) for text in texts]
        digest = self._admission.digest(full_name(asker.model or self._model))
        found = await cache.find(tenant_id, digest, wanted)
        missing = [text for text in dict.fromkeys(wanted) if text not in found]
        if digest is not None and not missing:
            return Embedding(vectors=tuple(found[text] for text in wanted), digest=digest, usage=None)
        made = await self._made(missing, asker, patience, on_usage)
        fresh = dict(zip(missing, made.vectors, strict=True))
        await cache.keep(tenant_id, made.digest, fresh)
        if found and made.digest != digest:
            # The weights were replaced meanwhile: vectors of two cannot be compared.
            return await self._made(wanted, asker, patience, on_usage)
        return msgspec.structs.replace(made, vectors=tuple({**found, **fresh}[text] for text in wanted))

    async def forget(self, tenant_id: TenantId, model: str, texts: Sequence[str]) -> None:
        """Forget the vectors that are kept of texts of a tenant, as a model made them."""
        digest = self._admission.digest(full_name(model))
        if self._cache is not None and digest is not None:
            await self._cache.drop(tenant_id, digest, [plain(text) for text in texts])

    async def _made(self, texts: Sequence[str], asker: Asker, patience: Patience, on_usage: OnUsage) -> Embedding:
        batch = Batch(texts, asker.model or self._model, self._limits.attempts)
        self._retries.note_call()
        while True:
            held = await self._admit(batch, asker, patience)
            batch.cut(held)
            attempt = self._attempts.at(held, on_usage)
            try:
                async with attempt:
                    reply = await self._ask(held, batch)
                    attempt.seen.reported = reported_of_embed(reply)
                break
            except CallBroke as broke:
                at_once = batch.after(broke, held, self._retries)
                await pause(broke, self._admission, batch.need(), patience, at_once=at_once)
        degraded = () if held.lease.coordinated else (Degradation.COORDINATION,)
        usage = attempt.usage
        return Embedding(vectors=batch.join(reply.embeddings), digest=usage.digest, usage=usage, degraded=degraded)

    async def _admit(self, batch: "Batch", asker: Asker, patience: Patience) -> Held:
        while True:
            try:
                return await self._place(batch, asker, patience)
            except (NoNodeAvailable, NoSlotInTime) as trouble:
                if batch.tries.nodes:
                    # None but those that broke off: they may be asked again.
                    batch.tries.nodes.clear()
                else:
                    await patience.wait(trouble)

    async def _place(self, batch: "Batch", asker: Asker, patience: Patience) -> Held:
        asked = Asked(
            batch.need(), batch.identity, asker.agent, asker.account, priority=asker.priority, times=batch.times
        )
        return await self._admission.admit(asked, self._limits.slot_wait_s, patience)

    async def _ask(self, held: Held, batch: "Batch") -> EmbedReply:
        body = embed_body(
            batch.pieces,
            model=held.model.name,
            keep_alive=self._attempts.keep_alive(held),
            num_ctx=held.candidate.num_ctx,
        )
        waits = self._attempts.waits(held)
        return await self._ollama.embed(self._attempts.target(held), body, waits.first_s, len(batch.pieces))


class Batch:
    """Texts on their way to vectors: cut to what the model takes, joined again afterwards."""

    def __init__(self, texts: Sequence[str], model: str, attempts: int) -> None:
        if not texts:
            raise ValueError("nothing to embed")
        self._texts = tuple(text or " " for text in texts)
        self._bytes = tuple(len(text.encode(errors="replace")) for text in self._texts)
        self._model = model
        self.identity = identity_of(self._texts)
        self._shrink = 1
        self._counts: list[int] = []
        self.tries = Tries(attempts)
        self.pieces: tuple[str, ...] = ()

    @property
    def times(self) -> float:
        """How many texts as long as its longest it comes to."""
        return sum(self._bytes) / max(self._bytes)

    def need(self) -> Need:
        """Return what the batch needs of a node."""
        tokens = math.ceil(max(self._bytes) / BYTES_PER_TOKEN) + TOKENS_PER_MESSAGE
        return Need(
            CallKind.EMBED,
            None,
            prompt_tokens=tokens,
            max_tokens=0,
            model=self._model,
            tried=frozenset(self.tries.nodes),
        )

    def cut(self, held: Held) -> None:
        """Cut the texts to the context size of the call."""
        room = held.candidate.num_ctx - TOKENS_PER_MESSAGE
        limit_bytes = max(16, int(room * BYTES_PER_TOKEN) // self._shrink)
        cut = [pieces_of(text, limit_bytes) for text in self._texts]
        self._counts = [len(pieces) for pieces in cut]
        self.pieces = tuple(piece for pieces in cut for piece in pieces)

    def join(self, vectors: Sequence[tuple[float, ...]]) -> tuple[tuple[float, ...], ...]:
        """Return one vector a text: that of its only piece, or the mean of its pieces, by length, as a unit vector."""
        joined: list[tuple[float, ...]] = []
        at = 0
        for count in self._counts:
            weights = [len(piece) for piece in self.pieces[at : at + count]]
            joined.append(vectors[at] if count == 1 else mean(vectors[at : at + count], weights))
            at += count
        return tuple(joined)

    def after(self, broke: CallBroke, held: Held, budget: RetryBudget) -> bool:
        """Prepare the next attempt; return whether it may be made at once.

        Raises ContextTooLong, NodeRefused and AnswerEmpty when there must not be one.
        """
        if broke.failure is Failure.CONTEXT:
            # Digits and rare scripts have up to a token a byte: the estimate of BYTES_PER_TOKEN was too low.
            self._shrink *= 2
            if self._shrink > 4:
                raise too_long(held.candidate.num_ctx, held.candidate.num_ctx) from broke
            return True
        return self.tries.after(broke, budget)


def pieces_of(text: str, limit_bytes: int) -> list[str]:
    """Cut a text into pieces of at most `limit_bytes` of UTF-8, after white space where there is some."""
    if len(text.encode(errors="replace")) <= limit_bytes:
        return [text]
    pieces: list[str] = []
    piece: list[str] = []
    size = 0
    for word in _words(text, limit_bytes):
        length = len(word.encode(errors="replace"))
        if size + length > limit_bytes:
            pieces.append("".join(piece))
            piece, size = [], 0
        piece.append(word)
        size += length
    pieces.append("".join(piece))
    return [one for one in pieces if one.strip()] or [text[:1]]


def _words(text: str, limit_bytes: int) -> list[str]:
    """Return the words with the white space before them; longer ones in parts (of characters of up to 4 bytes)."""
    step = max(1, limit_bytes // 4)
    found: list[str] = []
    start = 0
    for index in range(1, len(text) + 1):
        ends = index == len(text) or (text[index].isspace() and not text[index - 1].isspace())
        if ends or index - start >= step:
            found.append(text[start:index])
            start = index
    return found


def mean(vectors: Sequence[Sequence[float]], weights: Sequence[int]) -> tuple[float, ...]:
    """Return the weighted mean of vectors, scaled to length 1 (all zeros stay zeros)."""
    total = [
        math.fsum(value * weight for value, weight in zip(column, weights, strict=True))
        for column in zip(*vectors, strict=True)
    ]
    norm = math.sqrt(math.fsum(value * value for value in total))
    return tuple(value / norm for value in total) if norm > 0 else tuple(total)
