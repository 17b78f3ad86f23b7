"""Hears from Redis that a call of this process has a slot, or that a process of an older version freed one."""

from typing import cast

from app.inference.slots.queue import SlotQueue
from app.inference.slots.script import FREED_CHANNEL, QUEUED_CHANNEL, granted_channel
from app.redis import RedisStore

# Short, so that cancelling never waits long; the connection stays subscribed in between.
_LISTEN_S = 5.0
_SERVED = b"served "
"""What `register.lua` writes before the key of the node: whoever waits in the queue was asked already."""


class FreedListener:
    """Tells the queue what is announced. Without Redis nothing is heard: the queue looks for itself."""

    def __init__(self, store: RedisStore, queue: SlotQueue) -> None:
        self._store = store
        self._queue = queue

    async def listen(self) -> None:
        """Subscribe and listen until the connection breaks. Raises StoreUnavailable, StoreMisconfigured."""
        channels = (FREED_CHANNEL, QUEUED_CHANNEL, granted_channel(self._queue.replica))
        async with self._store.subscribe(*channels) as channel:
            while True:
                heard = cast(
                    "dict[str, bytes] | None",
                    await channel.get_message(ignore_subscribe_messages=True, timeout=_LISTEN_S),
                )
                if heard is not None:
                    await self._hear(heard["channel"], heard["data"])

    async def _hear(self, channel: bytes, told: bytes) -> None:
        if channel != FREED_CHANNEL.encode():
            self._queue.granted(told)
        elif not told.startswith(_SERVED):
            await self._queue.freed()
