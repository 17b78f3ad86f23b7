"""Hears from Redis that another replica freed a slot."""

from collections.abc import Callable

from app.inference.slots.register import FREED_CHANNEL
from app.redis import RedisStore

# Short, so that cancelling never waits long; the connection stays subscribed in between.
_LISTEN_S = 5.0


class FreedListener:
    """Calls `on_freed` for each announcement. Without Redis nothing is heard: those who wait look for themselves."""

    def __init__(self, store: RedisStore, on_freed: Callable[[], None]) -> None:
        self._store = store
        self._on_freed = on_freed

    async def listen(self) -> None:
        """Subscribe and listen until the connection breaks. Raises StoreUnavailable, StoreMisconfigured."""
        async with self._store.subscribe(FREED_CHANNEL) as channel:
            while True:
                if await channel.get_message(ignore_subscribe_messages=True, timeout=_LISTEN_S) is not None:
                    self._on_freed()
