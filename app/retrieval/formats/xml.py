"""Reads XML of office files as it comes, within limits, and without what XML can be made to do."""

from collections.abc import Callable
from typing import Any
from xml.parsers import expat

from app.retrieval.unreadable import DocumentUnreadable, Unreadable

DEPTH = 256
"""Office programs nest some dozens deep; tables in tables in text boxes a hundred."""

OnStart = Callable[[str, dict[str, str]], None]
OnEnd = Callable[[str], None]
OnText = Callable[[str], None]


def word_of(name: str) -> str:
    """Return the local name of an element or attribute; an office format's own names and others' do not meet."""
    return name.rpartition(" ")[2]


def value_of(attributes: dict[str, str], name: str = "val") -> str:
    """Return the attribute of that local name; "" where there is none."""
    return next((value for key, value in attributes.items() if word_of(key) == name), "")


def ignored(_: str) -> None:
    """Take an end or a text that does not matter."""


def feed(raw: bytes, on_start: OnStart, on_end: OnEnd, on_text: OnText) -> None:
    """Call back for every element and text; names are `namespace name`, with a blank between.

    Raises DocumentUnreadable: `bomb` for a document type, which office files may not have (ECMA-376 part 2, §8.2.5)
    and by which entities grow, and for elements nested too deep; `malformed` for what is no XML.
    """
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    depth = 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > DEPTH:
            raise DocumentUnreadable(Unreadable.BOMB)
        on_start(name, attributes)

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1
        on_end(name)

    def refuse(*_: Any) -> None:  # noqa: ANN401 - expat's signature
        raise DocumentUnreadable(Unreadable.BOMB)

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = on_text
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(raw, True)
    except expat.ExpatError as error:
        raise DocumentUnreadable(Unreadable.MALFORMED) from error
