"""One process looks at the nodes for all: who that is, and what it saw, through Redis."""

from collections.abc import Mapping
from uuid import uuid4

import msgspec

from app.causes import Cause, Finding
from app.inference.fleet.traits import Traits
from app.inference.fleet.views import Look, Resident
from app.redis import RedisStore

LOOKER_KEY = "sy:looker"
SEEN_KEY = "sy:seen"
LEAST_KEPT_S = 2.0
TURNS_KEPT = 3
# Who holds the key, or finds it free, has it for a while longer.
TAKE = """
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""
LEAVE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"


class SeenNode(msgspec.Struct, frozen=True, kw_only=True):
    """What was seen of a node at an address: what it said, or why it said nothing."""

    url: str
    version: str = ""
    holds: dict[str, str] = {}
    loaded: dict[str, int] = {}
    sizes: dict[str, int] = {}
    traits: dict[str, Traits] = {}
    residents: dict[str, Resident] = {}
    cause: Cause | None = None
    text: str = ""
    remedy: str = ""
    is_unseen: bool = False
    """Nobody has looked at it yet."""

    @property
    def look(self) -> Look | Finding:
        """What a look of one's own would have returned."""
        if self.cause is not None:
            return Finding(self.cause, self.text, self.remedy)
        return Look(self.version, self.holds, self.loaded, self.sizes, self.residents)


class Seen(msgspec.Struct, frozen=True):
    """What one round of looks saw, by node; `turn` tells it from others."""

    turn: str
    nodes: dict[str, SeenNode]


class SharedLooks:
    """The looks of whoever looks. What nobody renews is gone after three rounds, so what is there is fresh."""

    def __init__(self, store: RedisStore, *, every_s: float) -> None:
        self._store = store
        self._me = str(uuid4())
        self._kept_ms = int(max(LEAST_KEPT_S, every_s * TURNS_KEPT) * 1000)
        self._take = store.client.register_script(TAKE)
        self._leave = store.client.register_script(LEAVE)

    async def take(self) -> bool:
        """Return whether this process looks for all, and goes on to. Raises StoreUnavailable."""
        async with self._store.use("looker") as redis:
            return bool(await self._take(keys=[LOOKER_KEY], args=[self._me, self._kept_ms], client=redis))

    async def leave(self) -> None:
        """Let another process look. Raises StoreUnavailable."""
        async with self._store.use("looker") as redis:
            await self._leave(keys=[LOOKER_KEY], args=[self._me], client=redis)

    async def tell(self, nodes: Mapping[str, SeenNode]) -> None:
        """Tell the others what was seen. Raises StoreUnavailable."""
        packed = msgspec.json.encode(Seen(str(uuid4()), dict(nodes)))
        async with self._store.use("seen") as redis:
            await redis.set(SEEN_KEY, packed, px=self._kept_ms)

    async def hear(self) -> Seen | None:
        """Return what was seen last; None if nobody tells, or it is of another version. Raises StoreUnavailable."""
        async with self._store.use("seen") as redis:
            packed = await redis.get(SEEN_KEY)
        try:
            return None if packed is None else msgspec.json.decode(packed, type=Seen)
        except msgspec.MsgspecError:
            return None
