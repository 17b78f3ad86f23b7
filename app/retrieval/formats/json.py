"""Reads JSON and JSON Lines: objects as headings over `name: value`, lists of like objects as tables."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeGuard

from app.retrieval.formats.builder import TEXT_CHARS, Builder, one_line
from app.retrieval.formats.encodings import decode, storable
from app.retrieval.parts import Parts
from app.retrieval.unreadable import DocumentUnreadable, Unreadable

DEPTH = 64
"""Values nest some ten deep in what people write."""
COLUMNS = 64
"""Objects with more names than this between them are no table that anybody could read."""
CELLS = TEXT_CHARS // 3
TITLES = ("title", "name")

_WORDS = {None: "null", True: "true", False: "false"}
_BLANK = re.compile(r"[ \t\r\n]*")
_DECODER = json.JSONDecoder(
    # Numbers as they are written: 1.10 is no 1.1, and a long one is no other.
    parse_int=lambda text: Scalar(text),
    parse_float=lambda text: Scalar(text),
    parse_constant=lambda text: Scalar(text),
    object_pairs_hook=lambda pairs: Members(pairs),
    strict=False,
)


class Scalar(str):
    """A number, as it is written."""

    __slots__ = ()


class Members(list[tuple[str, object]]):
    """The members of an object, in their order, also those of one name."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A value that is to be written under a name."""

    name: str
    value: object
    level: int


def read(raw: bytes, charset: str | None) -> Parts:
    """Read one JSON value, or several that follow each other, as JSON Lines do.

    Raises DocumentUnreadable: `malformed`, `bomb` for what nests too deep, `too_large`, `encoding_unknown`.
    """
    text, encoding = decode(raw, charset)
    values = list(_values(text))
    builder = Builder()
    whole = values[0] if len(values) == 1 else values
    _write(builder, whole)
    return builder.parts(title=_title(whole), encoding=encoding)


def _values(text: str) -> Iterator[object]:
    at = _after_blank(text, 0)
    if at == len(text):
        raise DocumentUnreadable(Unreadable.NO_TEXT)
    while at < len(text):
        try:
            value, end = _DECODER.raw_decode(text, at)
        except ValueError as error:
            raise DocumentUnreadable(Unreadable.MALFORMED) from error
        except RecursionError as error:
            raise DocumentUnreadable(Unreadable.BOMB) from error
        yield value
        at = _after_blank(text, end)


def _after_blank(text: str, at: int) -> int:
    found = _BLANK.match(text, at)
    return at if found is None else found.end()


def _title(value: object) -> str:
    if not isinstance(value, Members):
        return ""
    named = {name.lower(): one for name, one in reversed(value) if isinstance(one, str)}
    return storable(one_line(next((named[name] for name in TITLES if name in named), "")))


def _write(builder: Builder, whole: object) -> None:
    """Write values without recursion, those within an object or a list after it is begun."""
    waiting = [_Waiting("", whole, 0)]
    while waiting:
        one = waiting.pop()
        if one.level > DEPTH:
            raise DocumentUnreadable(Unreadable.BOMB)
        if one.name:
            builder.heading(max(1, one.level), storable(one.name))
        if isinstance(one.value, Members):
            waiting.extend(reversed(_write_members(builder, one.value, one.level)))
        elif _is_list(one.value):
            waiting.extend(reversed(_write_list(builder, one.value, one.level)))
        else:
            builder.paragraph(_shown(one.value))


def _write_members(builder: Builder, members: Members, level: int) -> list[_Waiting]:
    """Write what an object says in a line each; return what needs more than that."""
    short = [(name, value) for name, value in members if _is_short(value)]
    builder.paragraph("\n".join(f"{one_line(storable(name))}: {_shown(value)}" for name, value in short))
    return [_Waiting(name or "?", value, level + 1) for name, value in members if not _is_short(value)]


def _write_list(builder: Builder, values: Sequence[object], level: int) -> list[_Waiting]:
    """Write a list as a table where it is one, else as items; return what needs more than that."""
    columns = _columns(values)
    if columns:
        if len(columns) * len(values) > CELLS:
            raise DocumentUnreadable(Unreadable.TOO_LARGE)
        builder.table([columns, *_rows(values, columns)], 1)
        return []
    if all(_is_short(value) for value in values):
        builder.paragraph("\n".join(f"- {_shown(value)}" for value in values))
        return []
    return [_Waiting(str(number), value, level + 1) for number, value in enumerate(values, 1)]


def _columns(values: Sequence[object]) -> list[str]:
    """Return the names of objects that are rows of a table: several, each flat and without a name twice."""
    names: dict[str, None] = {}
    for value in values:
        if not isinstance(value, Members) or not all(_is_short(one) for _, one in value):
            return []
        own = dict.fromkeys(name for name, _ in value)
        names |= own
        if len(own) < len(value) or len(names) > COLUMNS:
            return []
    return list(names) if len(values) > 1 else []


def _rows(values: Sequence[object], columns: Sequence[str]) -> Iterator[list[str]]:
    for value in values:
        row = dict(value) if isinstance(value, Members) else {}
        yield [_shown(row[name]) if name in row else "" for name in columns]


def _is_list(value: object) -> TypeGuard[list[object]]:
    return isinstance(value, list)


def _is_short(value: object) -> bool:
    """Whether a value is said in a line: it is no object, and no list that holds one, or a list."""
    if isinstance(value, Members):
        return not value
    return not _is_list(value) or not any(isinstance(one, list) for one in value)


def _shown(value: object) -> str:
    if _is_list(value):
        return "; ".join(_shown(one) for one in value)
    if isinstance(value, str):
        return storable(value)
    return _WORDS[value] if isinstance(value, bool) or value is None else str(value)
