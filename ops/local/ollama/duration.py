"""Durations as Go's time.ParseDuration reads them and as Ollama's keep_alive means them."""

import re
from fractions import Fraction

from ops.local.ollama.faults import bad_request
from ops.local.ollama.gojson import Json, go_type

FOREVER_NS = 2**63 - 1

_UNIT_NS = {
    "ns": 1,
    "us": 1_000,
    "\u00b5s": 1_000,
    "\u03bcs": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
}
_PART = re.compile(r"(\d*)(\.\d*)?([^\d.]*)", re.ASCII)


class InvalidDuration(ValueError):
    """The text is no Go duration; the message is Go's."""


def parse(text: str) -> int:
    """Nanoseconds of a Go duration such as `1h15m30.5s` (Go's time.ParseDuration). Raises InvalidDuration."""
    rest = text.lstrip("+-") if text[:1] in "+-" and text[1:2] not in "+-" else text
    sign = -1 if text.startswith("-") else 1
    if rest == "0":
        return 0
    if not rest:
        raise InvalidDuration(f'time: invalid duration "{text}"')
    total = Fraction(0)
    while rest:
        match = _PART.match(rest)
        if match is None or not (match[1] or (match[2] and match[2] != ".")):
            raise InvalidDuration(f'time: invalid duration "{text}"')
        total += _part_ns(match, text)
        rest = rest[match.end() :]
    total_ns = int(total)
    if total_ns > FOREVER_NS:
        raise InvalidDuration(f'time: invalid duration "{text}"')
    return sign * total_ns


def _part_ns(match: re.Match[str], text: str) -> Fraction:
    unit = match[3]
    if not unit:
        raise InvalidDuration(f'time: missing unit in duration "{text}"')
    if unit not in _UNIT_NS:
        raise InvalidDuration(f'time: unknown unit "{unit}" in duration "{text}"')
    fraction = match[2] if match[2] and match[2] != "." else ".0"
    return Fraction(f"{match[1] or '0'}{fraction}") * _UNIT_NS[unit]


def keep_alive(value: Json) -> int:
    """Nanoseconds of a `keep_alive` field: numbers are seconds, negative is for ever (api/types.go, Duration)."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise bad_request(f"Unsupported type: '{go_type(value)}'")
    if isinstance(value, str):
        try:
            kept_ns = parse(value)
        except InvalidDuration as error:
            raise bad_request(str(error)) from error
    else:
        kept_ns = FOREVER_NS if value < 0 else min(int(min(value, FOREVER_NS) * 1_000_000_000), FOREVER_NS)
    return FOREVER_NS if kept_ns < 0 else kept_ns


def setting(text: str, default_ns: int) -> int:
    """Nanoseconds of an environment variable: a Go duration or whole seconds, else the default (envconfig)."""
    try:
        return parse(text)
    except InvalidDuration:
        return int(text) * 1_000_000_000 if re.fullmatch(r"[+-]?\d+", text, re.ASCII) else default_ns
