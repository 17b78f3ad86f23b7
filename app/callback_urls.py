"""Which addresses a webhook may go to: public ones, and what the operator allows beside them."""

import ipaddress
import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import TypeAlias
from urllib.parse import SplitResult

import msgspec

from app.errors import BadInput
from app.urls import AddressWrong, check_host, is_host, split_address

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network

_ENDS_IN_NUMBER = re.compile(r"(.*\.)?(0[xX][0-9A-Fa-f]*|[0-9]+)\.?", re.ASCII)
"""What such a name means depends on who reads it: C libraries take 0x7f.1 and 2130706433 for addresses."""
_UNICAST = IPv6Network("2000::/3")
"""All that is given out for hosts of the internet: iana.org/assignments/ipv6-address-space."""
_CARRIERS = tuple(
    IPv6Network(text)
    for text in (
        "2001::/23",  # protocol assignments, Teredo among them: an IPv4 address is inside (RFC 4380)
        "2001:db8::/32",
        "2002::/16",  # 6to4: so is one in these (RFC 3056)
        "3fff::/20",  # documentation (RFC 9637)
    )
)
_MORE_OF_IPV4 = tuple(IPv4Network(text) for text in ("192.0.0.0/24", "192.88.99.0/24", "224.0.0.0/3"))


class CallbackRefused(BadInput):
    """A webhook may not go to this address, or cannot be signed."""

    code = "callback_refused"


class Callback(msgspec.Struct, frozen=True):
    """A callback URL that was taken apart: where it goes, as one reader and no other sees it."""

    url: str
    host: str
    """In small letters; an address without brackets."""
    address: str | None
    """The host, if it is an address."""


class Allowed(msgspec.Struct, frozen=True):
    """What is not public and allowed all the same: hosts by name, and networks."""

    hosts: frozenset[str] = frozenset()
    networks: tuple[Network, ...] = ()

    def permits(self, host: str, address: str) -> bool:
        """Whether a webhook to this host may connect to this address."""
        if host in self.hosts:
            return True
        if "%" in address:
            return False
        try:
            found = ipaddress.ip_address(address)
        except ValueError:
            return False
        return is_public(found) or any(found in network for network in self.networks)


def is_public(address: Address) -> bool:
    """Whether an address is a single host's of the internet, and carries no other address inside."""
    if isinstance(address, IPv4Address):
        return address.is_global and not any(address in network for network in _MORE_OF_IPV4)
    return (
        address in _UNICAST
        and address.is_global
        and address.scope_id is None
        and not any(address in network for network in _CARRIERS)
    )


def read_callback(text: str, allowed: Allowed) -> Callback:
    """Take a callback URL apart. Raises CallbackRefused: not HTTP, not plain, or an address that is not public."""
    try:
        parts = _parts(text)
    except AddressWrong as error:
        raise CallbackRefused(f"the callback URL {error}", field="callback_url") from error
    host = (parts.hostname or "").lower()
    if _ENDS_IN_NUMBER.fullmatch(host) and not _is_address(host):
        raise CallbackRefused("the callback URL's host is a number, not an address", field="callback_url")
    address = host if _is_address(host) else None
    if not _may_be_public(host, address, allowed):
        raise CallbackRefused("the callback URL's address is not public", field="callback_url")
    return Callback(text, host, address)


def read_allowed(text: str) -> str:
    """Return a host, an address or a network that is allowed, in the one way of writing it. Raises AddressWrong."""
    try:
        return str(ipaddress.ip_network(text))
    except ValueError:
        if "/" in text or not is_host(text):
            raise AddressWrong("must be a host name, an IP address, or a network like 10.1.0.0/16") from None
    return text.lower()


def allowed_of(items: list[str]) -> Allowed:
    """Return what `read_allowed` let through, to be looked up."""
    hosts, networks = set[str](), list[Network]()
    for item in items:
        try:
            networks.append(ipaddress.ip_network(item))
        except ValueError:
            hosts.add(item)
    return Allowed(frozenset(hosts), tuple(networks))


def _parts(text: str) -> SplitResult:
    if not text.isascii() or "\\" in text:
        raise AddressWrong("must be plain ASCII: write a name of other letters as xn--…")
    parts = split_address(text, ("http", "https"))
    if "@" in parts.netloc:
        raise AddressWrong("has a user or a password in it, which do not belong there")
    if "%" in parts.netloc:
        raise AddressWrong("has a host with % in it")
    check_host(parts)
    return parts


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _may_be_public(host: str, address: str | None, allowed: Allowed) -> bool:
    if address is not None:
        return allowed.permits(host, address)
    plain = host.removesuffix(".")
    return host in allowed.hosts or not (plain == "localhost" or plain.endswith(".localhost"))
