"""Vectors made within a day, each kept for the tenant whose text it is of."""

import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from hashlib import sha256
from unicodedata import normalize

import structlog

from app.errors import StoreUnavailable
from app.ids import TenantId
from app.redis import RedisStore
from app.telemetry.metrics import Metrics

Numbers = tuple[float, ...]

VECTORS = "sy:vector:"
"""What the keys of all vectors begin with."""
TTL_S = 86_400
AWAY_S = 1.5
"""After Redis did not answer, it is not asked again for so long."""
AT_ONCE = 64
"""Vectors in one request: a quarter of a megabyte where they have 1,024 numbers."""
NUMBER_BYTES = 4

log = structlog.stdlib.get_logger(__name__)


class LookedUp(StrEnum):
    """What came of looking for the vector of a text."""

    HIT = "hit"
    """It was kept, and is asked of no node."""
    MISS = "miss"
    """It was not kept, or no longer."""
    AWAY = "away"
    """Redis did not answer, or it is not known which weights would make the vector."""


def plain(text: str) -> str:
    """Return the text as it is embedded and kept: composed (Unicode's NFC), without white space around it."""
    return normalize("NFC", text).strip()


def key_of(tenant_id: TenantId, digest: str, text: str) -> str:
    """Return where the vector of a text is kept: the same in every process.

    `digest` is that of the weights, in hex; `text` is plain. The tenant is a part of it: how soon a vector comes must
    tell nobody what another tenant has asked or added.
    """
    content = sha256(f"{digest}\0".encode())
    content.update(text.encode("utf-8", "surrogatepass"))
    return f"{VECTORS}{tenant_id.hex}:{content.hexdigest()}"


def pack(vector: Sequence[float]) -> bytes:
    """Return the numbers as little-endian float32, which is what models compute in. Raises OverflowError."""
    return struct.pack(f"<{len(vector)}f", *vector)


def unpack(kept: bytes | str | None) -> Numbers | None:
    """Return the numbers that were packed, None where there is nothing of the kind."""
    if not isinstance(kept, bytes) or not kept or len(kept) % NUMBER_BYTES:
        return None
    return struct.unpack(f"<{len(kept) // NUMBER_BYTES}f", kept)


class EmbeddingCache:
    """Looks vectors up and keeps them. Redis being away costs time and nothing else: nothing here raises for it."""

    def __init__(self, store: RedisStore, metrics: Metrics, *, clock: Callable[[], float], ttl_s: int = TTL_S) -> None:
        self._store = store
        self._metrics = metrics
        self._clock = clock
        self._ttl_s = ttl_s
        self._away_until = float("-inf")

    async def find(self, tenant_id: TenantId, digest: str | None, texts: Iterable[str]) -> dict[str, Numbers]:
        """Return the vectors that are kept of the tenant's plain `texts`; none where the weights are not known."""
        wanted = tuple(dict.fromkeys(texts))
        found: dict[str, Numbers] = {}
        is_away = digest is None or self._clock() < self._away_until
        if digest is not None and not is_away:
            try:
                for start in range(0, len(wanted), AT_ONCE):
                    found.update(await self._ask(tenant_id, digest, wanted[start : start + AT_ONCE]))
            except StoreUnavailable as error:
                is_away = True
                self._rest(error)
        counted = self._metrics.vectors_looked_up
        counted.labels(LookedUp.HIT).inc(len(found))
        counted.labels(LookedUp.AWAY if is_away else LookedUp.MISS).inc(len(wanted) - len(found))
        return found

    async def keep(self, tenant_id: TenantId, digest: str, vectors: Mapping[str, Sequence[float]]) -> None:
        """Keep the vectors of the tenant's plain texts for a day."""
        if self._clock() < self._away_until:
            return
        try:
            packed = [(key_of(tenant_id, digest, text), pack(vector)) for text, vector in vectors.items()]
            for start in range(0, len(packed), AT_ONCE):
                async with self._store.use("vectors.keep") as redis, redis.pipeline(transaction=False) as together:
                    for key, value in packed[start : start + AT_ONCE]:
                        together.set(key, value, ex=self._ttl_s)
                    await together.execute()
        except StoreUnavailable as error:
            self._rest(error)
        except OverflowError:
            # Of no model that computes in float32; nothing is lost but time.
            log.warning("vectors.too_large", digest=digest)

    async def drop(self, tenant_id: TenantId, digest: str, texts: Iterable[str]) -> None:
        """Forget the vectors of the tenant's plain texts; where Redis is away they are gone within a day."""
        keys = [key_of(tenant_id, digest, text) for text in dict.fromkeys(texts)]
        try:
            for start in range(0, len(keys), AT_ONCE):
                async with self._store.use("vectors.drop") as redis:
                    await redis.unlink(*keys[start : start + AT_ONCE])
        except StoreUnavailable as error:
            self._rest(error)

    async def _ask(self, tenant_id: TenantId, digest: str, texts: Sequence[str]) -> dict[str, Numbers]:
        keys = [key_of(tenant_id, digest, text) for text in texts]
        async with self._store.use("vectors.find") as redis:
            kept = await redis.mget(keys)
        numbers = map(unpack, kept)
        return {text: vector for text, vector in zip(texts, numbers, strict=True) if vector is not None}

    def _rest(self, error: StoreUnavailable) -> None:
        self._away_until = self._clock() + AWAY_S
        log.debug("vectors.alone", cause=error.facts.get("reason"))
