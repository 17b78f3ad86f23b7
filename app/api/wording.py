"""What is wrong with a JSON body, in words of our own: the decoder's texts are read for their facts, never shown."""

import re
from collections.abc import Callable, Mapping

# The texts of msgspec 0.22's `_core.c`: what was found, then the place, ` - at `$.path``.
_PLACE = re.compile(r" - at (?:`(?:key|value)` in )?`\$(?P<path>[^`]*)`\Z")
_MISSING = re.compile(r"Object missing required field `(?P<name>[^`]*)`")
_UNKNOWN = re.compile(r"Object contains unknown field `(?P<name>.*)`", re.DOTALL)
_TYPE = re.compile(r"Expected `(?P<wanted>[^`]*)`, got `(?P<found>[^`]*)`")
_LENGTH = re.compile(r"Expected `(?P<kind>[^`]*)` of length (?P<sign>>=|<=|==) (?P<bound>\d+)")
_BOUND = re.compile(r"Expected `[^`]*` (?P<sign>>=|<=|>|<) (?P<bound>-?[0-9.e+]+)")
_PATTERN = re.compile(r"Expected `str` matching regex '(?P<pattern>.*)'", re.DOTALL)
_CHOICE = re.compile(r"Invalid enum value")
_RANGE = re.compile(r"(?:Integer value|Number) out of range")
_FORM = re.compile(r"Invalid (?P<form>UUID|RFC3339 encoded datetime|base64 encoded string)")

_PLAIN = re.compile(r"[A-Za-z0-9_.\[\]-]{1,64}", re.ASCII)
_TYPES: Mapping[str, str] = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "object": "an object",
    "array": "a list",
    "null": "null",
    "uuid": "a UUID",
    "datetime": "a date and time",
}
_SIGNS: Mapping[str, str] = {">=": "at least", "<=": "at most", "==": "exactly", ">": "more than", "<": "less than"}
_PARTS: Mapping[str, str] = {"str": "characters", "object": "entries", "array": "entries"}
_ELSE = "holds what is not taken there"


def explain(text: str) -> tuple[str, str | None]:
    """Return a sentence and the field it is about (None: the body itself) for a decoder's complaint.

    A field's name is repeated only where it is short and plain; values are never repeated.
    """
    at = _PLACE.search(text)
    path = at.group("path").removeprefix(".") if at else ""
    found = text[: at.start()] if at else text
    for kind, say in _KINDS:
        match = kind.match(found)
        if match is not None:
            return say(match, path)
    return _about(path, _ELSE)


def _about(path: str, words: str) -> tuple[str, str | None]:
    if not path:
        return f"the body {words}", None
    if not _PLAIN.fullmatch(path):
        return f"a field of the body {words}", None
    return f"`{path}` {words}", path


def _missing(match: re.Match[str], path: str) -> tuple[str, str | None]:
    return _about(_join(path, match.group("name")), "is missing")


def _unknown(match: re.Match[str], path: str) -> tuple[str, str | None]:
    return _about(_join(path, match.group("name")), "is not a field that is known here")


def _type(match: re.Match[str], path: str) -> tuple[str, str | None]:
    wanted = " or ".join(_TYPES.get(each, "something else") for each in match.group("wanted").split(" | "))
    return _about(path, f"must be {wanted}, not {_TYPES.get(match.group('found'), 'what was sent')}")


def _length(match: re.Match[str], path: str) -> tuple[str, str | None]:
    if (match.group("sign"), match.group("bound")) == (">=", "1"):
        return _about(path, "is empty")
    parts = _PARTS.get(match.group("kind"), "parts")
    return _about(path, f"must have {_SIGNS[match.group('sign')]} {match.group('bound')} {parts}")


def _bound(match: re.Match[str], path: str) -> tuple[str, str | None]:
    return _about(path, f"must be {_SIGNS[match.group('sign')]} {match.group('bound').removesuffix('.0')}")


def _pattern(match: re.Match[str], path: str) -> tuple[str, str | None]:
    return _about(path, f"must have the form {match.group('pattern')}")


def _choice(_: re.Match[str], path: str) -> tuple[str, str | None]:
    return _about(path, "is none of its choices")


def _range(_: re.Match[str], path: str) -> tuple[str, str | None]:
    return _about(path, "is a number out of range")


def _form(match: re.Match[str], path: str) -> tuple[str, str | None]:
    form = {"UUID": "a UUID", "RFC3339 encoded datetime": "a date and time (RFC 3339)"}
    return _about(path, f"must be {form.get(match.group('form'), 'base64')}")


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


_KINDS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str], str], tuple[str, str | None]]], ...] = (
    (_MISSING, _missing),
    (_UNKNOWN, _unknown),
    (_TYPE, _type),
    (_LENGTH, _length),
    (_BOUND, _bound),
    (_PATTERN, _pattern),
    (_CHOICE, _choice),
    (_RANGE, _range),
    (_FORM, _form),
)
