"""Which secrets this process was given, however badly they are written."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast
from urllib.parse import parse_qsl, unquote

from app.telemetry.masking import Mask, pieces

READ_BYTES = 1 << 20
_FILE = "_FILE"
# A setting of its own: its file holds addresses of nodes, not the value of another setting.
_NODES = "NODES_FILE"
_NODE_TOKENS = "NODE_TOKENS_DIR"
_NAME_OF_SECRET = re.compile(r"(?:API_?KEY|(?:^|_)KEY|PASSWORD|PASSWD|(?:^|_)PASS|SECRET)$")
_NAME_OF_ADDRESS = re.compile(r"(?:^|_)(?:URLS?|HOST)$")
_SCHEME = re.compile(r"^\s*[A-Za-z][A-Za-z0-9+.-]*:/+")
_NEXT_ADDRESS = re.compile(r",\s*(?=[A-Za-z][A-Za-z0-9+.-]*://)")
_CONNINFO = re.compile(r"password\s*=\s*(?:'((?:[^'\\]|\\.)*)'|(\S+))", re.IGNORECASE)
_IN_TEXT = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s\"']*@[^\s\"']*")
_QUERY = re.compile(r"[\w.-]+=[^&]*(?:&[\w.-]+=[^&]*)*")


@dataclass(slots=True)
class Found:
    """Secrets, and the `user:password` before the `@` of an address."""

    secrets: set[str] = field(default_factory=set[str])
    places: set[str] = field(default_factory=set[str])

    def mask(self) -> Mask:
        """Return the mask of these."""
        return Mask(self.secrets, places=self.places)

    def add_address(self, value: str) -> None:
        """Add what is secret in an address or a list of them, well-formed or not."""
        for address in _NEXT_ADDRESS.split(value):
            self._add_address(address.strip())

    def add_text(self, text: str) -> None:
        """Add what is secret in a text that may hold addresses among other things."""
        for address in _IN_TEXT.findall(text):
            self.add_address(str(address))

    def _add_address(self, address: str) -> None:
        for quoted, bare in _CONNINFO.findall(address):
            self.secrets.add(str(quoted or bare))
        rest = _SCHEME.sub("", address, count=1)
        query = rest.partition("?")[2]
        if _QUERY.fullmatch(query):
            self.secrets |= {text for name, text in parse_qsl(query) if "pass" in name.lower()}
            rest = rest.partition("?")[0]
        userinfo, at, _ = rest.rpartition("@")
        if not at:
            return
        self.places.add(userinfo)
        user, colon, password = userinfo.partition(":")
        # Without a colon, what stands there may be a token.
        self.secrets.add(password if colon else user)
        if re.search(r"[@/?#\s]", userinfo):
            # A library that ends the address elsewhere takes a piece of the password for a host, a port or a path.
            self.secrets |= {form for piece in pieces(password) for form in (piece, unquote(piece))}


def find_secrets(environ: Mapping[str, str], prefix: str) -> Found:
    """Return the secrets among the variables, and in the files that those beginning with `prefix` name.

    What cannot be read is left out: nothing is known of it, so nothing of it can be written.
    """
    found = Found()
    for variable, value in environ.items():
        if variable.startswith(prefix):
            _add_setting(found, variable.removeprefix(prefix), value)
        elif _NAME_OF_SECRET.search(variable):
            found.secrets.add(value)
        else:
            found.add_text(value)
    return found


def mask_of(environ: Mapping[str, str], prefix: str) -> Mask:
    """Return the mask of everything secret that this process was given."""
    return find_secrets(environ, prefix).mask()


def _add_setting(found: Found, name: str, value: str) -> None:
    if name == _NODES:
        _add_nodes(found, _read(value))
    elif name == _NODE_TOKENS:
        found.secrets |= {token.strip() for token in map(_read, _files_of(value)) if token.strip()}
    elif name.endswith(_FILE):
        _add_content(found, name.removesuffix(_FILE), _read(value))
    elif _NAME_OF_SECRET.search(name):
        found.secrets.add(value)
    elif _NAME_OF_ADDRESS.search(name) or "@" in value or "password" in value.lower():
        found.add_address(value)


def _add_content(found: Found, name: str, content: str) -> None:
    """Add the value that a file holds: all of it, unless it is an address, of which a part is secret."""
    if "@" in content or "://" in content or "password" in content.lower():
        found.add_address(content.strip())
    if _NAME_OF_SECRET.search(name) or not _looks_like_address(content):
        found.secrets.add(content)


def _looks_like_address(content: str) -> bool:
    return "://" in content or "@" in content or "host=" in content


def _add_nodes(found: Found, content: str) -> None:
    found.add_text(content)
    try:
        values = _texts_of(tomllib.loads(content))
    except tomllib.TOMLDecodeError:
        return
    for value in values:
        if "@" in value:
            found.add_address(value)


def _texts_of(value: object) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            for inner in cast("dict[str, object]", value).values():
                yield from _texts_of(inner)
        case list():
            for inner in cast("list[object]", value):
                yield from _texts_of(inner)
        case _:
            return


def _files_of(directory: str) -> list[str]:
    try:
        return [str(path) for path in Path(directory.strip()).iterdir() if path.is_file()]
    except (OSError, ValueError):
        return []


def _read(path: str) -> str:
    try:
        with Path(path.strip()).open("rb") as file:
            content = file.read(READ_BYTES)
    except (OSError, ValueError):
        return ""
    return content.decode("utf-8-sig", "replace")
