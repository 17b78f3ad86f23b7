"""What an owner says of a document: its metadata, and the set that it stands in."""

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import TypeAlias

import msgspec
from msgspec import UNSET, UnsetType

from app.errors import BadInput
from app.retrieval.names import is_hidden

TICKER, DATE, TAGS = "ticker", "date", "tags"
KEYS = 32
"""Of one document, those three among them."""
TAGS_AT_MOST = 32
TAG_CHARACTERS = 64
TEXT_CHARACTERS = 500
SET_CHARACTERS = 100

Value: TypeAlias = str | tuple[str, ...]
Metadata: TypeAlias = Mapping[str, Value]

_KEY = re.compile(r"[a-z][a-z0-9_]{0,63}")
_TICKER = re.compile(r"[A-Z0-9][A-Z0-9.-]{0,15}")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class Said(msgspec.Struct, frozen=True):
    """What an upload or a change says of a document: what is absent stays as it is, None takes it away."""

    metadata: Mapping[str, Value | None] = {}
    set_name: str | UnsetType | None = UNSET

    def merged(self, before: Metadata) -> dict[str, Value]:
        """Return the metadata after this. Raises BadInput where a document would have too many keys."""
        after = {key: value for key, value in {**before, **self.metadata}.items() if value is not None}
        if len(after) > KEYS:
            raise BadInput(f"the metadata of a document may have {KEYS} keys", field="metadata", limit_keys=KEYS)
        return after

    def moved(self, before: str | None) -> str | None:
        """Return the set that it stands in after this."""
        return before if isinstance(self.set_name, UnsetType) else self.set_name


NOTHING = Said()


def read_said(metadata: Mapping[str, object], set_name: str | UnsetType | None = UNSET) -> Said:
    """Return what is said, in the form that is stored. Raises BadInput naming the field."""
    stands = clean_set(set_name) if isinstance(set_name, str) else set_name
    return Said({key: None if value is None else _value(key, value) for key, value in metadata.items()}, stands)


def clean_set(name: str) -> str:
    """Return the name of a set as it is stored. Raises BadInput."""
    return _line(name, "set", SET_CHARACTERS)


def clean_ticker(text: str) -> str:
    """Return a ticker in capitals. Raises BadInput."""
    ticker = text.strip().upper()
    if _TICKER.fullmatch(ticker) is None:
        raise BadInput("a ticker has 1 to 16 of the characters A-Z, 0-9, `.` and `-`", field=TICKER)
    return ticker


def clean_date(text: str, field: str = DATE) -> str:
    """Return a date as YYYY-MM-DD. Raises BadInput."""
    try:
        if _DATE.fullmatch(text.strip()) is not None:
            return date.fromisoformat(text.strip()).isoformat()
    except ValueError as error:
        raise BadInput(f"`{field}` is no day of the calendar", field=field) from error
    raise BadInput(f"`{field}` is written YYYY-MM-DD", field=field)


def clean_tags(tags: Sequence[str]) -> tuple[str, ...]:
    """Return tags, each once, in their order. Raises BadInput."""
    clean = tuple(dict.fromkeys(_line(tag, TAGS, TAG_CHARACTERS) for tag in tags))
    if len(clean) > TAGS_AT_MOST:
        raise BadInput(f"a document may have {TAGS_AT_MOST} tags", field=TAGS, limit_tags=TAGS_AT_MOST)
    if any("," in tag for tag in clean):
        raise BadInput("a tag holds no comma", field=TAGS)
    return clean


_OF_TEXT: Mapping[str, Callable[[str], str]] = {TICKER: clean_ticker, DATE: clean_date}


def _value(key: str, value: object) -> Value | None:
    if _KEY.fullmatch(key) is None:
        raise BadInput("a key of metadata has 1 to 64 of a-z, 0-9 and `_`, a letter first", field="metadata")
    if key == TAGS:
        return clean_tags(_strings(value)) or None
    if not isinstance(value, str):
        raise BadInput(f"`{key}` must be a string", field=key)
    return _OF_TEXT[key](value) if key in _OF_TEXT else _line(value, key, TEXT_CHARACTERS)


def _strings(value: object) -> list[str]:
    try:
        return msgspec.convert(value, list[str])
    except msgspec.ValidationError as error:
        raise BadInput("`tags` must be a list of strings", field=TAGS) from error


def _line(text: str, field: str, limit_characters: int) -> str:
    clean = unicodedata.normalize("NFC", text).strip()
    if not clean or len(clean) > limit_characters:
        raise BadInput(
            f"`{field}` has 1 to {limit_characters} characters", field=field, limit_characters=limit_characters
        )
    if any(is_hidden(character) for character in clean):
        raise BadInput(f"`{field}` holds control characters", field=field)
    return clean
