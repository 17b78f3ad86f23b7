"""Looks up the names of receivers, in few threads of its own and for a limited time."""

import asyncio
import socket
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

THREADS = 16
"""A look-up that nobody waits for any more goes on in its thread: slow names take these, and no others."""
LOOK_LIMIT_S = 5.0

Found = Sequence[tuple[int, str]]
"""Families and addresses."""
Look = Callable[[str, int], Found]


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

    async def __call__(self, host: str, port: int, /) -> Found:
        """Return the families and addresses of a name. Raises OSError, also where that takes too long."""
        name = (host, port)
        looking = self._under_way.get(name)
        if looking is None:
            looking = asyncio.get_running_loop().run_in_executor(self._threads, self._look, host, port)
            self._under_way[name] = looking
            looking.add_done_callback(partial(self._forget, name))
        try:
            async with asyncio.timeout(self._limit_s):
                return await asyncio.shield(looking)
        except TimeoutError as error:
            raise socket.gaierror(socket.EAI_AGAIN, "the name was not found in time") from error

    def close(self) -> None:
        """Begin no more look-ups."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _forget(self, name: tuple[str, int], looked: asyncio.Future[Found]) -> None:
        del self._under_way[name]
        if not looked.cancelled():
            # Nobody may wait for it any more, and then nobody else takes what it raised.
            looked.exception()
