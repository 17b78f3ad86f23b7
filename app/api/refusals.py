"""Bounds refused keys by where they come from: made-up keys get no look at the database for long."""

import hashlib
import ipaddress
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeVar

from litestar.types import Scope

from app.accounts.ollama_keys import Signed
from app.api.doors import Keys
from app.api.problems import RateLimited
from app.errors import KeyUnknown
from app.ids import Caller

K = TypeVar("K")
V = TypeVar("V")

WINDOW_S = 60.0
REMEMBERED = 10_000
"""Networks with a refusal, and keys that were taken: older ones are forgotten first."""


def network_of(scope: Scope) -> str:
    """Return who is counted together: an IPv4 address, or the /64 of an IPv6 one, as nginx counts.

    nginx says in `X-Real-IP` who called it; whoever reaches a replica past nginx is the connection's other end.
    """
    told = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"x-real-ip"), "")
    client = scope.get("client")
    for text in (told, client[0] if client else ""):
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            continue
        if isinstance(address, ipaddress.IPv6Address):
            return str(ipaddress.ip_network((address, 64), strict=False))
        return str(address)
    return "unknown"


class Refusals:
    """Finds callers. A network with `limit` refused keys in a minute is refused further ones without a look.

    Keys that this process took before are looked up all the same: those who share the address of one who guesses (a
    gateway, an office) go on. Each replica counts by itself.
    """

    def __init__(
        self,
        keys: Keys,
        *,
        limit: int,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._keys = keys
        self._limit = limit
        self._clock = clock
        self._now = now
        self._refused: OrderedDict[str, tuple[float, int]] = OrderedDict()
        self._taken: OrderedDict[bytes, None] = OrderedDict()

    async def find(self, text: str, scope: Scope) -> Caller:
        """Return who has the key. Raises KeyUnknown, RateLimited, StoreUnavailable."""
        return await self._bounded(hashlib.sha256(text.encode()).digest(), scope, partial(self._keys.find, text))

    async def find_signer(self, signed: Signed, scope: Scope) -> Caller:
        """Return who signed the request. Raises KeyUnknown, RateLimited, StoreUnavailable."""
        try:
            public_key = signed.signer(self._now())
        except KeyUnknown:
            self._check(network_of(scope))
            self._count(network_of(scope))
            raise
        return await self._bounded(public_key, scope, partial(self._keys.find_signer, public_key))

    async def _bounded(self, digest: bytes, scope: Scope, look: Callable[[], Awaitable[Caller]]) -> Caller:
        if self._refused and digest not in self._taken:
            self._check(network_of(scope))
        try:
            caller = await look()
        except KeyUnknown:
            self._taken.pop(digest, None)
            self._count(network_of(scope))
            raise
        self._taken[digest] = None
        _trim(self._taken, digest)
        return caller

    def _check(self, network: str) -> None:
        until, refused = self._refused.get(network, (0.0, 0))
        left_s = until - self._clock()
        if refused >= self._limit and left_s > 0:
            error = RateLimited(f"{refused} unknown api keys came from this address", counted_by="address")
            error.retry_after_s = max(1, round(left_s))
            raise error

    def _count(self, network: str) -> None:
        now = self._clock()
        until, refused = self._refused.get(network, (0.0, 0))
        self._refused[network] = (until, refused + 1) if now < until else (now + WINDOW_S, 1)
        _trim(self._refused, network)


def _trim(known: "OrderedDict[K, V]", newest: K) -> None:
    known.move_to_end(newest)
    while len(known) > REMEMBERED:
        known.popitem(last=False)
