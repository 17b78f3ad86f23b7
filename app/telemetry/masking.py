"""Takes secrets out of what is written: the known ones in every spelling, and whatever stands where secrets stand."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import TypeAlias, cast
from urllib.parse import quote, quote_plus, unquote

import msgspec

from app.text import one_line

MASK = "***"

ANYWHERE_CHARS = 8
"""A secret of so many characters that is more than letters is masked wherever it stands."""
ANYWHERE_LETTERS = 20
"""One of letters alone may be a word of the language, or a part of one; none is so long."""
ALONE_CHARS = 4
"""A shorter one with a digit or a sign in it is masked where it stands alone, and shorter ones by their place only."""

PIECES = 12
"""So many delimiters in a broken address are looked at."""

# Facts of a line that are ours, whatever a secret may be called.
_OWN_FACTS = frozenset({"timestamp", "level", "logger", "module", "function", "process"})
# Everything that a place of a secret begins with; a text without any of these is not looked at closer.
_SIGNS = ("pass", "pwd", "auth", "secret", "bearer", "api-key", "api_key", "apikey", "sy_")

_SENSITIVE = r"(?:password|passwd|passphrase|pwd|requirepass|masterauth|secret|api[-_]?key)"
_USERINFO = re.compile(r"(?<=://)(?:[^\s\"'<>/?#@]*:(?:(?!://)[^\s\"'<>])*|[^\s\"'<>/?#]*)@")
# Verbs with which a sentence about a setting goes on after its name; none of them is a secret.
_VERBS = (
    "is|are|was|were|has|have|had|must|may|can|cannot|could|should|would|will|needs?|does|do|did|"
    "names?|belongs?|begins?|ends?|holds?|lacks?|stands?"
)
_SCHEMES = "tokens?|keys?|schemes?|auth|authentication|authorization|headers?|challenges?"
# `password=…`, `"api-key": "…"`, `(b'api-key', b'…')`, also where the quotes are themselves escaped. A comma stands
# between a quoted name and its value only, and after `name: ` a sentence may go on.
_NAMED = re.compile(
    rf"({_SENSITIVE}(?:(?:\\*[\"'])?\s*[:=]|\\*[\"']\s*,)\s*b?)"
    rf"(?!(?<=[:,]\s)(?:{_VERBS})\s+\w)"
    r"((?P<quote>\\*[\"'])(?:(?!(?P=quote))(?:\\.|.))*(?:(?P=quote))?|[^\s,;&)}\]\"'\\]+)",
    re.IGNORECASE | re.DOTALL,
)
_BEARER = re.compile(
    rf"((?<!\w)authorization\W{{1,8}}(?:bearer|basic)\s+|\bbearer\s+(?!(?:{_VERBS}|{_SCHEMES})\b(?![.~+/=-]\w)))"
    r"(?!sy_)[\w.~+/=-]{4,}",
    re.IGNORECASE,
)
_API_KEY = re.compile(r"(sy_[a-z2-7]{12}_)[A-Za-z0-9_-]+", re.IGNORECASE)
_SENSITIVE_FACT = re.compile(rf"(?:.*[-_])?{_SENSITIVE}|authorization", re.IGNORECASE)

Json: TypeAlias = "str | int | float | bool | list[Json] | dict[str, Json] | None"


class Mask:
    """Replaces secrets by `***`. Immutable, cheap for a text that holds none, and safe to share between threads."""

    def __init__(self, secrets: Iterable[str] = (), *, places: Iterable[str] = ()) -> None:
        """`secrets` are masked as their length allows; `places`, the `user:password` of an address, before an `@`."""
        known = {form: rf"{re.escape(form)}(?=@|%40)" for place in places for form in spellings(place)}
        for form in {form for secret in secrets for form in spellings(secret)}:
            known |= {form: pattern} if (pattern := _pattern(form)) else {}
        longest_first = sorted(known, key=lambda form: (-len(form), form))
        self._known = re.compile("|".join(known[form] for form in longest_first), re.IGNORECASE)
        self._in_text = _shortest(form.lower() for form in known)
        self._in_line = _shortest(one_line(_escape(form)).lower() for form in known)

    def text(self, text: str) -> str:
        """Return `text` with every secret replaced."""
        lowered = text.lower()
        if _holds(lowered, self._in_text):
            text = self._known.sub(MASK, text)
        return _mask_places(text, lowered)

    def line(self, line: str) -> str:
        """Return a rendered line, one JSON object, with every secret in its texts replaced, however deep."""
        lowered = line.lower()
        if not (_holds(lowered, self._in_line) or _has_place(lowered)):
            return line
        try:
            facts = msgspec.json.decode(line, type=dict[str, object])
        except msgspec.MsgspecError:
            return self.text(line)
        masked = {key: value if key in _OWN_FACTS else self._fact(key, value) for key, value in facts.items()}
        return one_line(msgspec.json.encode(masked).decode())

    def _fact(self, name: str, value: object) -> object:
        if value is not None and not isinstance(value, bool) and _SENSITIVE_FACT.fullmatch(name):
            return MASK
        match value:
            case str():
                return self.text(value)
            case dict():
                facts = cast("Mapping[str, object]", value)
                return {self.text(key): self._fact(key, inner) for key, inner in facts.items()}
            case list():
                return self._items(cast("Sequence[object]", value))
            case _:
                return value

    def _items(self, items: Sequence[object]) -> list[object]:
        if len(items) == 2 and isinstance(items[0], str) and _SENSITIVE_FACT.fullmatch(items[0]):
            return [items[0], MASK]
        return [self._fact("", item) for item in items]


def spellings(secret: str) -> set[str]:
    """Return how programs write a secret: as it is, line by line, percent-encoded and decoded, quoted and escaped."""
    plain = {secret, secret.strip(), *(line.strip() for line in secret.splitlines())}
    plain |= {unquote(form) for form in plain}
    found: set[str] = set()
    for form in plain:
        found |= {write(form) for write in _WRITERS}
    return {form for form in found if form.strip()}


def _escape(form: str) -> str:
    return msgspec.json.encode(form).decode()[1:-1]


def _bytes_of(form: str) -> bytes:
    return form.encode("utf-8", "surrogateescape")


_WRITERS: tuple[Callable[[str], str], ...] = (
    str,
    # httpx, urllib, yarl and libpq each leave other characters as they are.
    *(
        partial(quote, safe=safe, errors="replace")
        for safe in ("", "/", "!$&'()*+,;=", "!$&'()*+,;=:", "!$%&'()*+,;=:/?@")
    ),
    partial(quote_plus, errors="replace"),
    lambda form: repr(form)[1:-1],
    lambda form: ascii(form)[1:-1],
    lambda form: repr(_bytes_of(form))[2:-1],
    lambda form: _bytes_of(form).decode("latin-1"),
    lambda form: form.replace("\\", "\\\\").replace("'", "\\'"),
    lambda form: _escape(form.encode("utf-8", "replace").decode()),
)


def _pattern(form: str) -> str:
    """Return where a known secret is masked, by how likely it is to be part of something else; empty for nowhere."""
    escaped, has_letters_alone = re.escape(form), form.isalpha()
    if len(form) >= (ANYWHERE_LETTERS if has_letters_alone else ANYWHERE_CHARS):
        return escaped
    if has_letters_alone and len(form) >= ANYWHERE_CHARS:
        return rf"(?<![^\W\d])(?<!\w\.){escaped}(?![^\W\d]|\.\w)"
    if len(form) >= ALONE_CHARS and not has_letters_alone and not form.isdecimal():
        return rf"(?<!\w){escaped}(?!\w)"
    return ""


def _shortest(forms: Iterable[str]) -> tuple[str, ...]:
    """Return the forms that hold no other one: a text with any of them holds one of these."""
    kept: list[str] = []
    for form in sorted(set(forms), key=len):
        if not any(shorter in form for shorter in kept):
            kept.append(form)
    return tuple(kept)


def _holds(lowered: str, forms: Sequence[str]) -> bool:
    # Not `any(...)`: every line comes through here, and a generator doubles the cost.
    for form in forms:  # noqa: SIM110
        if form in lowered:
            return True
    return False


def _has_place(lowered: str) -> bool:
    return ("://" in lowered and "@" in lowered) or _holds(lowered, _SIGNS)


def _mask_places(text: str, lowered: str) -> str:
    """Mask by position alone: a secret of which nobody told this process is one all the same."""
    if not _has_place(lowered):
        return text
    text = _USERINFO.sub(f"{MASK}@", text)
    text = _API_KEY.sub(rf"\g<1>{MASK}", text)
    text = _BEARER.sub(rf"\g<1>{MASK}", text)
    return _NAMED.sub(rf"\g<1>{MASK}", text)


def pieces(text: str) -> Iterator[str]:
    """Yield what a reader that takes `text` for an address might take for a host, a port, a name or a password."""
    edges = [found.span() for found in re.finditer(r"[@:/?#&=,\s\[\]]+", text)][:PIECES]
    starts, ends = [0, *(end for _, end in edges)], [*(start for start, _ in edges), len(text)]
    yield from (text[start:end] for start in starts for end in ends if start < end)
