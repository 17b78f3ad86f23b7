"""JSON as Go's encoding/json reads and writes it, with its error texts."""

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import TypeAlias, cast

import msgspec

from ops.local.ollama.faults import bad_request

Json: TypeAlias = bool | int | float | str | Sequence["Json"] | Mapping[str, "Json"] | None
Object: TypeAlias = Mapping[str, Json]

_SPACE = b" \t\r\n"
_SURROGATE = re.compile("[\ud800-\udfff]")
_MAX_DEPTH = 300  # Go stops at 10,000; Python's stack ends near 1,000 frames


class _Malformed(Exception):
    """Where the text stops being JSON, in Go's words."""


def parse(body: bytes) -> Json:
    """The first JSON value of a request body; text after it is ignored, as Go's Decoder does.

    Raises Refused(400) with Go's words, or `missing request body` when there is none (server/routes.go).
    """
    if not body.strip(_SPACE):
        raise bad_request("missing request body")
    text = body.decode("utf-8", "replace").lstrip(" \t\r\n")
    try:
        value = cast("Json", _DECODER.raw_decode(text)[0])
        return _clean(value) if "\\ud" in text.lower() else value
    except (ValueError, RecursionError) as error:
        raise bad_request(_explain(text.encode("utf-8", "replace"))) from error


def _refuse(name: str) -> Json:
    raise ValueError(name)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def _bounded(text: str) -> int:
    _finite(text)
    return int(text)


_DECODER = json.JSONDecoder(parse_constant=_refuse, parse_float=_finite, parse_int=_bounded)


def _clean(value: Json) -> Json:
    """Lone surrogates become U+FFFD, as Go's decoder makes them."""
    if isinstance(value, str):
        return _SURROGATE.sub("\ufffd", value)
    if isinstance(value, Mapping):
        return {cast("str", _clean(key)): _clean(item) for key, item in value.items()}
    if isinstance(value, Sequence):
        return [_clean(item) for item in value]
    return value


def go_type(value: Json) -> str:
    """The name that Go's reflection gives the decoded value."""
    if value is None:
        return "<nil>"
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, (int, float)):
        return "float64"
    if isinstance(value, str):
        return "string"
    return "map[string]interface {}" if isinstance(value, Mapping) else "[]interface {}"


def kind(value: Json) -> str:
    """The word for a JSON value in Go's UnmarshalTypeError."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, (int, float)):
        return "number"
    if isinstance(value, str):
        return "string"
    return "object" if isinstance(value, Mapping) else "array"


def encode(value: object) -> bytes:
    """JSON as Go's json.Marshal writes it: no spaces, and `<`, `>`, `&`, U+2028 and U+2029 escaped."""
    text = msgspec.json.encode(value)
    for plain, escaped in (
        (b"<", b"\\u003c"),
        (b">", b"\\u003e"),
        (b"&", b"\\u0026"),
        (b"\xe2\x80\xa8", b"\\u2028"),
        (b"\xe2\x80\xa9", b"\\u2029"),
    ):
        if plain in text:
            text = text.replace(plain, escaped)
    return text


def _explain(text: bytes) -> str:
    """Go's error for text that Python's parser refused (Go source, encoding/json/scanner.go)."""
    try:
        _Scanner(text).value(0)
    except _Malformed as found:
        return str(found)
    return "json: cannot unmarshal number into Go value of type float64"


class _Scanner:
    """Walks one JSON value and raises _Malformed at the byte where Go's scanner stops."""

    def __init__(self, text: bytes) -> None:
        self._text = text
        self._at = 0

    def value(self, depth: int) -> None:
        if depth > _MAX_DEPTH:
            raise _Malformed("exceeded max depth")
        byte = self._next_visible()
        if byte == b"{":
            self._object(depth)
        elif byte == b"[":
            self._array(depth)
        elif byte == b'"':
            self._string()
        elif byte == b"-" or byte.isdigit():
            self._number(byte)
        else:
            self._literal(byte)

    def _take(self) -> bytes:
        if self._at >= len(self._text):
            raise _Malformed("unexpected EOF")
        self._at += 1
        return self._text[self._at - 1 : self._at]

    def _next_visible(self) -> bytes:
        while (byte := self._take()) in (b" ", b"\t", b"\r", b"\n"):
            pass
        return byte

    def _object(self, depth: int) -> None:
        byte = self._next_visible()
        if byte == b"}":
            return
        while True:
            if byte != b'"':
                raise _unexpected(byte, "looking for beginning of object key string")
            self._string()
            if (byte := self._next_visible()) != b":":
                raise _unexpected(byte, "after object key")
            self.value(depth + 1)
            if (byte := self._next_visible()) == b"}":
                return
            if byte != b",":
                raise _unexpected(byte, "after object key:value pair")
            byte = self._next_visible()

    def _array(self, depth: int) -> None:
        if self._next_visible() == b"]":
            return
        self._at -= 1
        while True:
            self.value(depth + 1)
            if (byte := self._next_visible()) == b"]":
                return
            if byte != b",":
                raise _unexpected(byte, "after array element")

    def _string(self) -> None:
        while (byte := self._take()) != b'"':
            if byte < b" ":
                raise _unexpected(byte, "in string literal")
            if byte == b"\\":
                self._escape()

    def _escape(self) -> None:
        byte = self._take()
        if byte == b"u":
            for _ in range(4):
                if (byte := self._take()) not in b"0123456789abcdefABCDEF":
                    raise _unexpected(byte, "in \\u hexadecimal character escape")
        elif byte not in b'bfnrt\\/"':
            raise _unexpected(byte, "in string escape code")

    def _number(self, byte: bytes) -> None:
        if byte == b"-" and not (byte := self._take()).isdigit():
            raise _unexpected(byte, "in numeric literal")
        if byte != b"0":
            self._digits()
        if self._peek() == b".":
            self._at += 1
            if not (byte := self._take()).isdigit():
                raise _unexpected(byte, "after decimal point in numeric literal")
            self._digits()
        if self._peek() in (b"e", b"E"):
            self._at += 1
            if (byte := self._take()) in (b"+", b"-"):
                byte = self._take()
            if not byte.isdigit():
                raise _unexpected(byte, "in exponent of numeric literal")
            self._digits()

    def _peek(self) -> bytes:
        return self._text[self._at : self._at + 1]

    def _digits(self) -> None:
        while self._peek().isdigit():
            self._at += 1

    def _literal(self, byte: bytes) -> None:
        words = {b"t": b"true", b"f": b"false", b"n": b"null"}
        if byte not in words:
            raise _unexpected(byte, "looking for beginning of value")
        word = words[byte]
        for wanted in word.decode()[1:]:
            if (byte := self._take()) != wanted.encode():
                raise _unexpected(byte, f"in literal {word.decode()} (expecting '{wanted}')")


def _unexpected(byte: bytes, where: str) -> _Malformed:
    character = chr(byte[0])
    shown = "\\'" if character == "'" else json.dumps(character, ensure_ascii=False)[1:-1].replace('\\"', '"')
    return _Malformed(f"invalid character '{shown}' {where}")
