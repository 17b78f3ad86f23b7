"""Vectors of prompts by an Ollama node, for `switchyard routing`: as retrieval gets them of the same texts."""

import asyncio
import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from app.errors import BadInput
from app.inference.calls.calibration import TOKENS_PER_MESSAGE
from app.inference.calls.embedding import BYTES_PER_TOKEN, mean, pieces_of
from app.inference.fleet.catalogue import full_name
from app.inference.routing.lab.nearness import Singles, Vectors
from app.inference.wire.bodies import embed_body
from app.inference.wire.exchange import Target
from app.inference.wire.ollama import Look, Ollama
from app.inference.words.failures import CallBroke, Failure

CONTEXT_TOKENS = 512
BATCH = 32
LOOK_LIMIT_S = 10.0
EMBED_LIMIT_S = 120.0
CUTS = (1, 2, 4)
"""Digits and rare scripts have up to a token a byte: what a node refuses is cut smaller."""

Rows = list[tuple[float, ...]]
Known = dict[str, Singles]
"""Vectors by the digest of their text."""


class Embedding:
    """One embedding model on one node."""

    def __init__(self, ollama: Ollama, url: str, model: str) -> None:
        self._ollama = ollama
        self._target = Target("the embedder", url, model)

    @property
    def model(self) -> str:
        """The model's name, as it was given."""
        return self._target.model

    async def digest(self) -> str:
        """Return the model's digest. Raises BadInput when the node does not hold it, or is none."""
        look = await self._ollama.look(self._target.url, limit_s=LOOK_LIMIT_S)
        if not isinstance(look, Look):
            raise BadInput(f"no Ollama answers at {self._target.url}")
        digest = look.holds.get(full_name(self._target.model))
        if digest is None:
            raise BadInput(f"{self._target.url} holds no model {self._target.model}")
        return digest

    async def embed(self, texts: Sequence[str]) -> Rows:
        """Return one unit vector a text. Raises BadInput when the node fails."""
        for cut in CUTS:
            try:
                return await self._embed(texts, cut)
            except CallBroke as broke:
                if broke.failure is not Failure.CONTEXT or cut == CUTS[-1]:
                    raise BadInput(f"{self._target.url} gave no vectors: {broke.failure}") from broke
        raise AssertionError("the last cut returns or raises")

    async def _embed(self, texts: Sequence[str], cut: int) -> Rows:
        limit_bytes = int((CONTEXT_TOKENS - TOKENS_PER_MESSAGE) * BYTES_PER_TOKEN) // cut
        pieces = [pieces_of(text or " ", limit_bytes) for text in texts]
        flat = tuple(piece for one in pieces for piece in one)
        body = embed_body(flat, model=self._target.model, keep_alive=None, num_ctx=CONTEXT_TOKENS)
        reply = await self._ollama.embed(self._target, body, EMBED_LIMIT_S, len(flat))
        found: Rows = []
        at = 0
        for one in pieces:
            vectors = reply.embeddings[at : at + len(one)]
            found.append(vectors[0] if len(one) == 1 else mean(vectors, [len(piece) for piece in one]))
            at += len(one)
        return found


async def vectors_of(texts: Sequence[str], embedding: Embedding, kept: Path | None) -> Vectors:
    """Return the vectors of all texts; those in the file `kept` are taken from there, and new ones added to it."""
    digest = await embedding.digest()
    known = await asyncio.to_thread(_read, kept, digest)
    names = [hashlib.sha256(text.encode(errors="replace")).hexdigest() for text in texts]
    missing = {name: text for name, text in zip(names, texts, strict=True) if name not in known}
    for start in range(0, len(missing), BATCH):
        batch = list(missing.items())[start : start + BATCH]
        rows = await embedding.embed([text for _, text in batch])
        known |= {name: np.array(row, dtype=np.float32) for (name, _), row in zip(batch, rows, strict=True)}
    if kept is not None and missing:
        await asyncio.to_thread(_write, kept, digest, known)
    return Vectors(digest, np.stack([known[name] for name in names]))


def _write(kept: Path, digest: str, known: Known) -> None:
    np.savez(kept, digest=np.array(digest), names=np.array(list(known)), matrix=np.stack(list(known.values())))


def _read(kept: Path | None, digest: str) -> Known:
    if kept is None or not kept.is_file():
        return {}
    with np.load(kept, allow_pickle=False) as held:
        if str(held["digest"]) != digest:
            raise BadInput(f"{kept} holds vectors of another embedder: {held['digest']}")
        return dict(zip(map(str, held["names"]), held["matrix"], strict=True))
