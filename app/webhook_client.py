"""Sends webhooks: one POST to an address that was checked, followed nowhere."""

import asyncio
import errno
import socket
import ssl
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import aiohttp
import msgspec
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from app.callback_urls import Allowed, CallbackRefused, read_callback
from app.webhook_names import Names, Resolve

LIMIT_S = 10.0
"""From the look-up of the name to the last byte that is read."""
MOST_READ_BYTES = 16_384
"""Of an answer, so that the connection ends in order; nobody looks at it."""
MOST_WAIT_S = 3600


class Lapse(StrEnum):
    """Why a webhook did not come through."""

    STATUS = "status"
    """The receiver answered with another status than 2xx."""
    REDIRECT = "redirect"
    """It answered with a redirect, which is not followed."""
    GONE = "gone"
    """It answered 410: it wants no more of these."""
    TIMED_OUT = "timed_out"
    """It did not answer in time."""
    UNREACHABLE = "unreachable"
    """No connection came about, or it broke."""
    UNTRUSTED = "untrusted"
    """Its certificate is not of its name, or of nobody that is trusted."""
    NAME_UNKNOWN = "name_unknown"
    """Its name has no address now."""
    ADDRESS_REFUSED = "address_refused"
    """Its name, or its address, leads to a host that is not public."""
    UNSIGNED = "unsigned"
    """The tenant has no webhook secret to sign it with."""
    BEGUN_AGAIN = "begun_again"
    """The task was begun again before its end was told: the next end has a delivery of its own."""


class Answered(msgspec.Struct, frozen=True):
    """What came of one POST: `lapse` is None when it came through."""

    lapse: Lapse | None
    status: int | None = None
    wait_s: float = 0.0
    """How long the receiver asks to be left alone."""


class _AddressRefused(OSError):
    """A host that is not public was about to be asked."""


class WebhookClient:
    """Posts to callback URLs. Each has its name looked up once, and only addresses that were checked are asked."""

    def __init__(
        self,
        allowed: Allowed,
        *,
        resolve: Resolve | None = None,
        limit_s: float = LIMIT_S,
        trusted: ssl.SSLContext | None = None,
    ) -> None:
        """Without `resolve`, the system looks names up."""
        self.allowed = allowed
        self._names = Names()
        self._resolve = resolve
        self._limit_s = limit_s
        self._trusted = trusted

    async def post(self, url: str, body: bytes, headers: Mapping[str, str], *, owner: str = "") -> Answered:
        """Send `body`, once, for an owner. Never raises for what the receiver does."""
        try:
            callback = read_callback(url, self.allowed)
        except CallbackRefused:
            return Answered(Lapse.ADDRESS_REFUSED)
        target = URL(url)
        if (target.host or "").lower() != callback.host:
            # Whoever connects must read the address as whoever checked it.
            return Answered(Lapse.ADDRESS_REFUSED)
        try:
            async with asyncio.timeout(self._limit_s):
                return await self._send(callback.host, target, body, headers, self._resolve or self._names.of(owner))
        except TimeoutError:
            return Answered(Lapse.TIMED_OUT)
        except (aiohttp.ClientError, OSError) as error:
            return Answered(lapse_of(error))

    def close(self) -> None:
        """Look no more names up."""
        self._names.close()

    async def _send(
        self, host: str, target: URL, body: bytes, headers: Mapping[str, str], resolve: Resolve
    ) -> Answered:
        def checked(about: tuple[Any, ...]) -> socket.socket:
            # The last place before the network, whatever became of the name on the way.
            family, kind, protocol, _, address = about
            if not self.allowed.permits(host, str(address[0])):
                raise _AddressRefused(errno.EACCES, "not public")
            made = socket.socket(family=family, type=kind, proto=protocol)
            made.setblocking(False)
            return made

        connector = aiohttp.TCPConnector(
            resolver=_Checked(host, self.allowed, resolve),
            use_dns_cache=False,
            force_close=True,
            socket_factory=checked,
            ssl=self._trusted or True,
        )
        async with aiohttp.ClientSession(
            connector=connector, trust_env=False, cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False
        ) as session:
            async with session.post(target, data=body, headers=headers, allow_redirects=False) as answer:
                await answer.content.read(MOST_READ_BYTES)
                return answered(answer.status, answer.headers.get("retry-after"))


class _Checked(AbstractResolver):
    """Finds the addresses of one name, and gives out none unless all of them may be asked."""

    def __init__(self, host: str, allowed: Allowed, resolve: Resolve) -> None:
        self._host, self._allowed, self._resolve = host, allowed, resolve

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return the addresses. Raises _AddressRefused, OSError."""
        found = [one for one in await self._resolve(host, port) if family in {socket.AF_UNSPEC, one[0]}]
        if not all(self._allowed.permits(self._host, address) for _, address in found):
            raise _AddressRefused(errno.EACCES, "not public")
        return [
            ResolveResult(hostname=host, host=address, port=port, family=of, proto=0, flags=socket.AI_NUMERICHOST)
            for of, address in found
        ]

    async def close(self) -> None:
        """There is nothing to close."""


def answered(status: int, retry_after: str | None) -> Answered:
    """Return what a status means."""
    wait_s = (
        float(retry_after) if retry_after is not None and retry_after.isascii() and retry_after.isdecimal() else 0.0
    )
    if 200 <= status < 300:
        return Answered(None, status)
    if status == 410:
        return Answered(Lapse.GONE, status)
    return Answered(Lapse.REDIRECT if 300 <= status < 400 else Lapse.STATUS, status, min(wait_s, MOST_WAIT_S))


def lapse_of(error: BaseException) -> Lapse:
    """Return why nothing came, by what broke; the cause of a cause counts."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, _AddressRefused):
            return Lapse.ADDRESS_REFUSED
        if isinstance(seen, (aiohttp.ClientSSLError, ssl.SSLError)):
            return Lapse.UNTRUSTED
        if isinstance(seen, socket.gaierror):
            return Lapse.NAME_UNKNOWN
        seen = seen.__cause__ or seen.__context__
    return Lapse.UNREACHABLE
