"""What a setting may be: in words for its page, and how its text is read."""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass

from app.callback_urls import read_allowed
from app.database_url import parse_database_url
from app.urls import (
    MOST_PORT,
    AddressWrong,
    is_host,
    read_bucket_address,
    read_http_address,
    read_origin,
    read_redis_address,
)

_WHOLE = re.compile(r"[+-]?[0-9]{1,18}", re.ASCII)
_NUMBER = re.compile(
    r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?|[+-]?(nan|inf(inity)?)", re.ASCII | re.IGNORECASE
)
# What may be quoted: a mistyped number or word, and nothing that could be an address or a key.
_QUOTABLE = re.compile(r"[A-Za-z0-9_.,+-]{1,20}", re.ASCII)


class ValueWrong(Exception):
    """A text is not of its kind; the message is the reason and quotes no secret."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of values. `read` returns the value of a trimmed text, or raises ValueWrong."""

    words: str
    read: Callable[[str], object]
    takes_empty: bool = False


def whole(least: int, most: int) -> Kind:
    """A whole number within bounds."""
    words = f"whole number, {least} to {most}"

    def read(text: str) -> int:
        if _WHOLE.fullmatch(text) is None or not least <= int(text) <= most:
            raise ValueWrong(f"must be a whole number from {least} to {most}{_not(text)}")
        return int(text)

    return Kind(words, read)


def number(least: float, most: float) -> Kind:
    """A finite number within bounds."""
    words = f"number, {least:g} to {most:g}"

    def read(text: str) -> float:
        value = float(text) if _NUMBER.fullmatch(text) else math.nan
        if not (math.isfinite(value) and least <= value <= most):
            raise ValueWrong(f"must be a number from {least:g} to {most:g}{_not(text)}")
        return value

    return Kind(words, read)


def seconds(most: float, *, least: float = 0.01) -> Kind:
    """A duration in seconds: a hundredth at least, so never nothing, unless `least` is 0."""
    kind = number(least, most)
    return Kind(f"seconds, {least:g} to {most:g}", kind.read)


def choice(*words: str) -> Kind:
    """One of some words, in any case."""
    listed = ", ".join(words)

    def read(text: str) -> str:
        for word in words:
            if word.lower() == text.lower():
                return word
        raise ValueWrong(f"must be one of {listed}{_not(text)}")

    return Kind(f"one of {listed}", read)


def switch() -> Kind:
    """True or false."""
    words = choice("true", "false")

    def read(text: str) -> bool:
        return words.read(text) == "true"

    return Kind(words.words, read)


def name(pattern: str, words: str) -> Kind:
    """A text of a form, for what ends up in labels, headers and addresses."""
    form = re.compile(pattern, re.ASCII)

    def read(text: str) -> str:
        if form.fullmatch(text) is None:
            raise ValueWrong(f"must be {words}")
        return text

    return Kind(words, read)


def secret() -> Kind:
    """A key that goes into a header."""
    return name(r"[\x21-\x7e]+", "printable ASCII without blanks")


def path(words: str) -> Kind:
    """The path of a file or a directory; whether it is there is looked at later."""

    def read(text: str) -> str:
        if not text.isprintable():
            raise ValueWrong("is not a path: it has a control character in it")
        if "://" in text:
            raise ValueWrong("is not a path: it looks like an address")
        return text

    return Kind(f"path of {words}", read)


def address(words: str, read: Callable[[str], str]) -> Kind:
    """The address of a server, or whatever else `read` takes apart."""
    return Kind(words, _translated(read))


def addresses(words: str, read: Callable[[str], str], *, takes_empty: bool = False) -> Kind:
    """Addresses separated by commas, each checked, none twice; kept as one text."""
    one = _translated(read)

    def read_all(text: str) -> str:
        items = [item.strip() for item in text.split(",")]
        if not all(items):
            raise ValueWrong("has an empty item: one comma too many")
        found: list[str] = []
        for number_, item in enumerate(items, 1):
            try:
                found.append(one(item))
            except ValueWrong as error:
                raise ValueWrong(f"item {number_} {error}" if len(items) > 1 else str(error)) from None
        if len(set(found)) < len(found):
            raise ValueWrong("names an item twice")
        return ",".join(found)

    return Kind(words, read_all, takes_empty)


def callback_targets() -> Kind:
    """Hosts, addresses and networks that webhooks may go to though they are not public."""
    words = "host names, IP addresses or networks, separated by commas"
    return addresses(words, read_allowed, takes_empty=True)


def host() -> Kind:
    """An address to listen on."""

    def read(text: str) -> str:
        if not is_host(text):
            raise ValueWrong("must be a host name or an IP address, without scheme, port or brackets")
        return text

    return Kind("host name or IP address", read)


def port(*, least: int = 1) -> Kind:
    """A TCP port."""
    return whole(least, MOST_PORT)


def database_address() -> Kind:
    """The address of PostgreSQL, as libpq takes it (34.1.1.2, Connection URIs)."""

    def read(text: str) -> str:
        try:
            parse_database_url(text)
        except AddressWrong as error:
            raise ValueWrong(str(error)) from None
        return text

    return Kind("postgresql:// address", read)


def http_addresses() -> Kind:
    """Addresses of HTTP servers."""
    return addresses("http:// or https:// addresses, separated by commas", read_http_address)


def http_address() -> Kind:
    """The address of one HTTP server, or of a path on it."""
    return address("http:// or https:// address", read_http_address)


def bucket_address() -> Kind:
    """The address of a bucket of S3, by its path."""
    return address(
        "http:// or https:// address with a bucket, and maybe a folder in it, as its path", read_bucket_address
    )


def redis_address() -> Kind:
    """The address of a Redis."""
    return address("redis://, rediss:// or unix:// address", read_redis_address)


def origins() -> Kind:
    """Origins that browsers send, or `*` alone for every one; may be empty."""
    listed = addresses("", read_origin)

    def read(text: str) -> object:
        if text == "*":
            return text
        if "*" in text:
            raise ValueWrong("may be * alone, for every origin; no other wildcard is known")
        return listed.read(text)

    return Kind("origins (scheme://host[:port]), separated by commas, or `*`", read, takes_empty=True)


def hours() -> Kind:
    """When something is done: while nothing else is, or in hours of a day."""
    form = name(r"idle|(?:[01]?[0-9]|2[0-3])-(?:[01]?[0-9]|2[0-3])", "`idle`, or hours in UTC such as `22-6`")

    def read(text: str) -> object:
        begin, _, end = text.partition("-")
        if form.read(text) != "idle" and int(begin) == int(end):
            raise ValueWrong("must be hours that differ: from one to before the other")
        return text

    return Kind(form.words, read)


def names() -> Kind:
    """Names of tenants, separated by commas."""

    def read(text: str) -> str:
        if not text.isprintable():
            raise ValueWrong("must be names without control characters, separated by commas")
        return text

    return Kind("names, separated by commas", read)


def _translated(read: Callable[[str], str]) -> Callable[[str], str]:
    def reading(text: str) -> str:
        try:
            return read(text)
        except AddressWrong as error:
            raise ValueWrong(str(error)) from None

    return reading


def _not(text: str) -> str:
    return f", not {text}" if _QUOTABLE.fullmatch(text) else ""
