"""The Content-Disposition of a form's part: its name, and its file's name as browsers and programs write it.

- `filename="…"` in UTF-8, with `%22`, `%0D` and `%0A` for what would end the string: WHATWG HTML, "multipart/form-data
  encoding algorithm"; browsers leave a backslash as it is.
- `\\"` within the string, as RFC 2616 and older curl wrote it.
- `filename*=UTF-8''…` and `ISO-8859-1''…`: RFC 8187. It wins over `filename` (RFC 6266 section 4.3): .NET and others
  send both. RFC 7578 section 4.2 would rather not have it, but they do.

Other forms are refused by their name, for a guess would give a document another name than its owner's.
"""

import re
from urllib.parse import unquote_to_bytes

import msgspec

from app.errors import BadInput

FIELD = "file"

_WORD = r"[A-Za-z0-9!#$%&'*+.^_`|~-]+"
# A string ends at a quote that nothing but `;` or the end follows; a last backslash may be the name's own.
_STRING = r'"(?P<escaped>(?:[^"\\]|\\.)*)"(?=[ \t]*(?:;|\Z))|"(?P<plain>[^"]*)"(?=[ \t]*(?:;|\Z))'
_PARAMETER = re.compile(rf"[ \t]*;[ \t]*(?P<name>{_WORD})[ \t]*=[ \t]*(?:{_STRING}|(?P<bare>[^\s;\"]+))", re.DOTALL)
_KIND = re.compile(r"[ \t]*form-data[ \t]*(?=;|\Z)", re.IGNORECASE)
_TAIL = re.compile(r"[ \t]*;?[ \t]*")
_EXTENDED = re.compile(r"(?P<charset>[^']*)'[^']*'(?P<value>(?:[A-Za-z0-9!#$&+.^_`|~-]|%[0-9A-Fa-f]{2})*)", re.ASCII)
_ENCODED_WORD = re.compile(r"=\?[^?\s]+\?[bBqQ]\?[^?]*\?=")
_PERCENT = {"%22": '"', "%0D": "\r", "%0A": "\n"}
_PERCENT_PATTERN = re.compile("%22|%0[dDaA]")
_CHARSETS = {"utf-8": "utf-8", "iso-8859-1": "latin-1"}


class Disposition(msgspec.Struct, frozen=True):
    """What a part is called, and its file's name; None when it has none."""

    name: str
    file_name: str | None


def parse_disposition(value: bytes) -> Disposition:
    """Return what a part's header says. Raises BadInput naming the form that is not understood."""
    try:
        text = value.decode()
    except UnicodeDecodeError as error:
        raise _refused("is not in UTF-8; `filename*=UTF-8''` takes every name") from error
    given = _parameters(text)
    for name in given:
        if name.startswith("filename*") and name != "filename*":
            raise _refused(f"is cut into pieces (`{name[:20]}`, RFC 2231); send it in one")
    if "name" not in given:
        raise BadInput("a part of the form has no name", field=FIELD)
    name = _unquoted(given["name"])
    if "filename*" in given:
        return Disposition(name, _extended(given["filename*"]))
    if "filename" not in given:
        return Disposition(name, None)
    file_name = _unquoted(given["filename"])
    if _ENCODED_WORD.search(file_name):
        raise _refused("is an encoded word of mail (RFC 2047); send it in UTF-8")
    return Disposition(name, file_name)


def _parameters(text: str) -> dict[str, str]:
    """Return the parameters by name, the values of strings without their quotes."""
    kind = _KIND.match(text)
    if kind is None:
        raise BadInput("a part of the form is not declared as form-data", field=FIELD)
    given: dict[str, str] = {}
    place = kind.end()
    while (found := _PARAMETER.match(text, place)) is not None:
        name = found.group("name").lower()
        if name in given:
            raise BadInput(f"a part of the form says `{name[:20]}` twice", field=FIELD)
        given[name] = next(value for value in found.group("escaped", "plain", "bare") if value is not None)
        place = found.end()
    if _TAIL.fullmatch(text, place) is None:
        raise BadInput("the Content-Disposition of a part cannot be read", field=FIELD)
    return given


def _unquoted(value: str) -> str:
    # Only an escaped quote tells that the sender escapes at all: `C:\new\file.md` is a path.
    if '\\"' in value:
        return re.sub(r"\\(.)", r"\1", value, flags=re.DOTALL)
    return _PERCENT_PATTERN.sub(lambda found: _PERCENT[found.group().upper()], value)


def _extended(value: str) -> str:
    found = _EXTENDED.fullmatch(value)
    if found is None:
        raise _refused("is not written as RFC 8187 says (`filename*=UTF-8''…` with %XX)")
    charset = _CHARSETS.get(found.group("charset").lower())
    if charset is None:
        raise _refused("is in a character set that is not taken; `filename*` may be in UTF-8 or ISO-8859-1")
    try:
        return unquote_to_bytes(found.group("value")).decode(charset)
    except UnicodeDecodeError as error:
        raise _refused("is not in the character set that `filename*` names") from error


def _refused(what: str) -> BadInput:
    return BadInput(f"the file's name {what}", field=FIELD)
