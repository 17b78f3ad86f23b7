"""Looks up the names of receivers, in few threads of its own and for a limited time."""

import asyncio
import socket
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

THREADS = 32
"""A look-up that nobody waits for any more goes on in its thread: slow names take these, and no others."""
OWNER_THREADS = 4
"""So many of them are one owner's at most, whose look-ups would else take all of them in turn."""
LOOK_LIMIT_S = 5.0

Found = Sequence[tuple[int, str]]
"""Families and addresses."""
Look = Callable[[str, int], Found]
Resolve = Callable[[str, int], Awaitable[Found]]
"""Looks a name up: what `loop.getaddrinfo` does. Raises OSError."""


def look(host: str, port: int) -> Found:
    """Return the families and addresses of a name, as the system finds them. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [(family, str(address[0])) for family, _, _, _, address in found]


class Names:
    """Looks names up. Of one name there is one look-up at a time, however many wait for it."""

    def __init__(self, look: Look = look, *, threads: int = THREADS, limit_s: float = LOOK_LIMIT_S) -> None:
        self._look = look
        self._limit_s = limit_s
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="webhook-names")
        self._under_way: dict[tuple[str, int], asyncio.Future[Found]] = {}
        self._taken: Counter[str] = Counter()

    def of(self, owner: str) -> Resolve:
        """Return what looks names up for an owner."""
        return partial(self.find, owner)

    async def find(self, owner: str, host: str, port: int) -> Found:
        """Return the families and addresses of a name.

        Raises OSError, also where that takes too long, or the owner has too many look-ups under way.
        """
        name = (host, port)
        looking = self._under_way.get(name)
        if looking is None:
            if self._taken[owner] >= OWNER_THREADS:
                raise socket.gaierror(socket.EAI_AGAIN, "too many names are looked up already")
            self._taken[owner] += 1
            looking = asyncio.get_running_loop().run_in_executor(self._threads, self._look, host, port)
            self._under_way[name] = looking
            looking.add_done_callback(partial(self._forget, owner, name))
        try:
            async with asyncio.timeout(self._limit_s):
                return await asyncio.shield(looking)
        except TimeoutError as error:
            raise socket.gaierror(socket.EAI_AGAIN, "the name was not found in time") from error

    def close(self) -> None:
        """Begin no more look-ups."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _forget(self, owner: str, name: tuple[str, int], looked: asyncio.Future[Found]) -> None:
        del self._under_way[name]
        self._taken[owner] -= 1
        self._taken += Counter()  # without those that have none
        if not looked.cancelled():
            # Nobody may wait for it any more, and then nobody else takes what it raised.
            looked.exception()
