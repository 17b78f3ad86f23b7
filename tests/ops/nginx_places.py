"""The nginx templates filled as each place fills them, and what then stands in them."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from ops.local.layout import Layout
from ops.local.parts import nginx
from ops.local.parts.template import PLACE
from tests.fakes.certificate import make_certificate
from tests.fakes.edge import PIECES, TEMPLATES, read_environ, write_edge

USED = {
    "compose": {"switchyard.conf", "status.conf", *(f"{piece}.conf" for piece in PIECES)},
    "bare-metal": {"switchyard.conf", "names.conf", "tls.conf"},
    "local": {"switchyard.conf", "local.conf"},
}
"""The templates of each place."""

# Comments are dropped; a quoted word, a bracket, the end of a directive, a word.
TOKEN = re.compile(r"""(?:\s|#[^\n]*)*("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[{};]|[^\s{};]+)""")


class Directive(NamedTuple):
    """One directive with the blocks that it stands in, outermost first."""

    name: str
    arguments: tuple[str, ...]
    within: tuple[str, ...]


def text_of(name: str) -> str:
    """Return a template."""
    return (TEMPLATES / name).read_text(encoding="utf-8")


def places_of(name: str) -> set[str]:
    """Return the places that a template has."""
    return set(PLACE.findall(text_of(name)))


def values_of(place: str, folder: Path) -> dict[str, str]:
    """Return what a place fills the templates with."""
    if place == "local":
        return nginx.variables(Layout.open(folder, {}))
    return read_environ(f"{place}.env")


def write(place: str, folder: Path) -> Path:
    """Write the files of a place; paths that the machine of the test lacks are exchanged for its own."""
    certificate, key = make_certificate("localhost")
    (folder / "certificate.pem").write_text(certificate, encoding="ascii")
    (folder / "key.pem").write_text(key, encoding="ascii")
    here = {
        "SWITCHYARD_NGINX_CERTIFICATE": str(folder / "certificate.pem"),
        "SWITCHYARD_NGINX_CERTIFICATE_KEY": str(folder / "key.pem"),
        "SWITCHYARD_NGINX_ACCESS_LOG": "access.log",
        "SWITCHYARD_NGINX_PAGES": str(TEMPLATES / "pages"),
    }
    left = {"SWITCHYARD_NGINX_USER": "", "SWITCHYARD_NGINX_LISTEN_PLAIN": ""}
    write_edge(folder, {**left, **values_of(place, folder), **here})
    if place == "compose":
        main = (TEMPLATES / "compose.conf").read_text(encoding="utf-8")
        main = main.replace("user nginx;\n", "").replace("/run/nginx.pid", "nginx.pid")
        (folder / "nginx.conf").write_text(main, encoding="utf-8")
        (folder / "switchyard.conf").rename(folder / "conf.d" / "default.conf")
        (folder / "conf.d" / "status.conf").write_text(text_of("status.conf.template"), encoding="utf-8")
    return folder


def directives(folder: Path) -> list[Directive]:
    """Return every directive of a written configuration, includes followed."""
    return list(_read(folder, "nginx.conf", ()))


def _read(folder: Path, name: str, outside: tuple[str, ...]) -> Iterator[Directive]:
    within, words = list(outside), list[str]()
    for word in TOKEN.findall((folder / name).read_text(encoding="utf-8")):
        if word == "}":
            within.pop()
        elif word == "{":
            yield Directive(words[0], tuple(words[1:]), tuple(within))
            within.append(" ".join(words))
            words.clear()
        elif word != ";":
            words.append(word.strip("\"'") if word[0] in "\"'" else word)
        elif words[0] == "include":
            for path in sorted(folder.glob(words[1])):
                yield from _read(folder, str(path.relative_to(folder)), tuple(within))
            words.clear()
        else:
            yield Directive(words[0], tuple(words[1:]), tuple(within))
            words.clear()


def locations(found: list[Directive]) -> dict[str, dict[str, tuple[str, ...]]]:
    """Return the locations: their own directives by name."""
    own: dict[str, dict[str, tuple[str, ...]]] = {}
    for each in found:
        if each.within and each.within[-1].startswith("location "):
            own.setdefault(each.within[-1].removeprefix("location "), {})[each.name] = each.arguments
    return own
