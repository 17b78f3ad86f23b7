"""Refuses pages by which a parser could be kept busy: its time grows with the square of two things."""

import re
from collections import Counter
from collections.abc import Iterator

from app.retrieval.unreadable import DocumentUnreadable, Unreadable

OPEN_AT_ONCE = 4_000
CLOSED_BY_THEMSELVES = frozenset(
    {
        "area",
        "base",
        "br",
        "col",
        "colgroup",
        "dd",
        "dt",
        "embed",
        "hr",
        "img",
        "input",
        "li",
        "link",
        "meta",
        "optgroup",
    }
    | {"option", "p", "param", "rp", "rt", "source", "tbody", "td", "tfoot", "th", "thead", "tr", "track", "wbr"}
)
"""Elements without an end, or whose end may be left out (HTML, section 13.1.2)."""
ATTRIBUTES = 500
"""Of one element: each is compared with all before it. Programs write some ten."""
MERGED = frozenset({"html", "body"})
"""Elements that there is one of: what further ones say is added to it (HTML, section 13.2.6.4.7)."""
RAW = frozenset({"script", "style", "textarea", "title", "xmp", "iframe", "noembed", "noframes"})
"""Elements that hold no others: what looks like a tag in them is text (HTML, section 13.2.5)."""

_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)")
# A tag, a comment, or what is read as one.
_MARKUP = re.compile(r"<(?:!--|[!?]|(/?)([a-zA-Z][^\s/>]*))")
_ATTRIBUTE = re.compile(
    r"""[\s/]*+[^\s/>][^\s/>=]*+(?:\s*+=\s*+(?:"[^"]*+(?:"|\Z)|'[^']*+(?:'|\Z)|[^\s>"'][^\s>]*+)?)?"""
)


def refuse_laborious(text: str) -> None:
    """Raise DocumentUnreadable (`bomb`) for elements without end: opened and not closed, or with ever more attributes.

    A page can still hide them from this look, in what only its parser knows to be no text; then the process' time ends
    it.
    """
    if _is_deep(text) or _is_wordy(text):
        raise DocumentUnreadable(Unreadable.BOMB)


def _is_deep(text: str) -> bool:
    depth = 0
    for tag in _TAG.finditer(text):
        if tag[2].lower() in CLOSED_BY_THEMSELVES:
            continue
        depth = max(0, depth - 1) if tag[1] else depth + 1
        if depth > OPEN_AT_ONCE:
            return True
    return False


def _is_wordy(text: str) -> bool:
    merged: Counter[str] = Counter()
    for name, attributes in _attributes(text):
        merged[name] += attributes if name in MERGED else 0
        if max(attributes, merged[name]) > ATTRIBUTES:
            return True
    return False


def _attributes(text: str) -> Iterator[tuple[str, int]]:
    """Yield the element of each tag, and how many attributes it has (as far as they matter)."""
    at = 0
    while found := _MARKUP.search(text, at):
        at = found.end()
        name = (found[2] or "").lower()
        if not name:
            at = _after(text, "-->" if found[0] == "<!--" else ">", at)
            continue
        attributes = 0
        while attributes <= ATTRIBUTES and (one := _ATTRIBUTE.match(text, at)):
            attributes += 1
            at = one.end()
        yield name, attributes
        if name in RAW and not found[1]:
            at = _end_of_raw(text, name, at)


def _after(text: str, mark: str, at: int) -> int:
    end = text.find(mark, at)
    return len(text) if end < 0 else end + len(mark)


def _end_of_raw(text: str, name: str, at: int) -> int:
    found = re.compile(f"</{name}", re.IGNORECASE).search(text, at)
    return len(text) if found is None else found.start()
