"""Arithmetic on decimals, written as people write it, with its steps: bounded in length, digits and depth."""

import re
from collections.abc import Iterator
from decimal import ROUND_HALF_EVEN, Context, Decimal, DivisionByZero, InvalidOperation, Overflow

import msgspec

MOST_CHARACTERS = 400
MOST_TERMS = 60
MOST_DEPTH = 12
MOST_DIGITS = 24
"""Of a number that is given; results have as many significant ones."""
MOST_YEARS = 100
SHOWN_DIGITS = 2
"""Digits after the point of what is no whole number, as it is told; a small one has more."""

_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?)|(?P<name>[a-z]+)|(?P<sign>[-+*/(),]))"
)
_SIGNS = {"-": "\u2212", "*": "\u00d7", "/": "\u00f7", "+": "+"}
_TOO_LARGE = "the result has too many digits"
_TAKES = {"change": 2, "growth": 3}
_CONTEXT = Context(prec=MOST_DIGITS, rounding=ROUND_HALF_EVEN, Emax=9_999, Emin=-9_999)


class Impossible(Exception):
    """What cannot be computed, in words."""


class Worked(msgspec.Struct, frozen=True):
    """A result, and the steps to it as text: each an operation of two numbers."""

    value: Decimal
    steps: tuple[str, ...] = ()
    is_percent: bool = False
    """Whether the value is a share or a change, which is told in percent."""

    @property
    def told(self) -> str:
        """The value as it is told."""
        return percent(self.value) if self.is_percent else plain(self.value)


def work_out(expression: str) -> Worked:
    """Return what an expression comes to, and how. Raises Impossible.

    It has numbers, `+ - * /`, brackets, `change(old, new)`: the change as a share of the old one, and
    `growth(old, new, years)`: the same for each year, compounded. In both a negative old one has no meaning.
    """
    if len(expression) > MOST_CHARACTERS:
        raise Impossible(f"an expression may have {MOST_CHARACTERS} characters")
    reading = _Reading(list(_tokens(expression)))
    value = reading.whole()
    return Worked(value, tuple(reading.steps), is_percent=reading.ends_with_share)


def plain(value: Decimal) -> str:
    """Return a number as it is told: groups of three, a true minus, two digits after the point unless it is whole."""
    digits = SHOWN_DIGITS
    while value and abs(value) < Decimal(1).scaleb(-digits) and digits < 8:
        digits += 1
    rounded = _CONTEXT.quantize(value, Decimal(1).scaleb(-digits)) if _is_short(value) else value
    text = f"{abs(rounded):,f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return f"\u2212{text}" if rounded < 0 else text


def percent(share: Decimal) -> str:
    """Return a share as it is told: `-3.68 %`, with a true minus."""
    return f"{plain(_CONTEXT.multiply(share, Decimal(100)))} %"


def _is_short(value: Decimal) -> bool:
    return value.adjusted() + SHOWN_DIGITS + 8 < MOST_DIGITS


def _tokens(expression: str) -> Iterator[tuple[str, str]]:
    text, at, count = expression.strip(), 0, 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None or found.lastgroup is None:
            raise Impossible(f"{text[at]!r} is no part of an expression")
        count += 1
        if count > MOST_TERMS * 2:
            raise Impossible(f"an expression may have {MOST_TERMS} numbers")
        yield found.lastgroup, found[found.lastgroup]
        at = found.end()


class _Reading:
    """Reads an expression once, and works it out on the way; `steps` grow as it does."""

    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self._tokens = tokens
        self._at = 0
        self._depth = 0
        self.steps: list[str] = []
        self.ends_with_share = False

    def whole(self) -> Decimal:
        value = self._sum()
        if self._at < len(self._tokens):
            raise Impossible(f"{self._tokens[self._at][1]!r} stands where nothing was expected")
        return value

    def _sum(self) -> Decimal:
        value = self._product()
        while sign := self._take_sign("+-"):
            value = self._do(sign, value, self._product())
        return value

    def _product(self) -> Decimal:
        value = self._term()
        while sign := self._take_sign("*/"):
            value = self._do(sign, value, self._term())
        return value

    def _term(self) -> Decimal:
        self._depth += 1
        if self._depth > MOST_DEPTH:
            raise Impossible(f"brackets may stand {MOST_DEPTH} deep")
        try:
            if self._take_sign("-"):
                return -self._term()
            kind, text = self._next()
            if kind == "number":
                return _number(text)
            if kind == "name":
                return self._called(text)
            if text == "(":
                value = self._sum()
                self._expect(")")
                return value
            raise Impossible(f"{text!r} stands where a number was expected")
        finally:
            self._depth -= 1

    def _called(self, name: str) -> Decimal:
        if name not in _TAKES:
            raise Impossible(f"there is no {name!r}; there are {', '.join(_TAKES)}")
        self._expect("(")
        given = [self._sum()]
        while len(given) < _TAKES[name]:
            self._expect(",")
            given.append(self._sum())
        self._expect(")")
        value = self._change(*given) if name == "change" else self._growth(*given)
        self.ends_with_share = True
        return value

    def _change(self, old: Decimal, new: Decimal) -> Decimal:
        if old <= 0:
            raise Impossible("a change from nothing, or from less than nothing, is no share of it")
        change = self._do("-", new, old)
        share = _divided(change, old)
        self._tell(f"{plain(change)} \u00f7 {plain(old)} = {percent(share)}")
        return share

    def _growth(self, old: Decimal, new: Decimal, years: Decimal) -> Decimal:
        if old <= 0 or new <= 0:
            raise Impossible("growth is of what is more than nothing")
        if not 0 < years <= MOST_YEARS:
            raise Impossible(f"growth is over 0 to {MOST_YEARS} years")
        ratio = _divided(new, old)
        self._tell(f"{plain(new)} \u00f7 {plain(old)} = {plain(ratio)}")
        share = _CONTEXT.power(ratio, _divided(Decimal(1), years)) - 1
        self._tell(f"{plain(ratio)} ^ (1 \u00f7 {plain(years)}) \u2212 1 = {percent(share)}")
        return share

    def _do(self, sign: str, left: Decimal, right: Decimal) -> Decimal:
        value = _done(sign, left, right)
        self.ends_with_share = False
        self._tell(f"{plain(left)} {_SIGNS[sign]} {_bracketed(right)} = {plain(value)}")
        return value

    def _tell(self, step: str) -> None:
        self.steps.append(step)

    def _next(self) -> tuple[str, str]:
        if self._at == len(self._tokens):
            raise Impossible("the expression ends too early")
        self._at += 1
        return self._tokens[self._at - 1]

    def _take_sign(self, signs: str) -> str:
        if self._at < len(self._tokens) and self._tokens[self._at][1] in signs:
            return self._next()[1]
        return ""

    def _expect(self, sign: str) -> None:
        if not self._take_sign(sign):
            raise Impossible(f"{sign!r} is missing")


def _number(text: str) -> Decimal:
    digits = text.replace(",", "")
    if len(digits) > MOST_DIGITS:
        raise Impossible(f"a number may have {MOST_DIGITS} digits")
    return Decimal(digits)


def _bracketed(value: Decimal) -> str:
    return f"({plain(value)})" if value < 0 else plain(value)


def _divided(left: Decimal, right: Decimal) -> Decimal:
    return _done("/", left, right)


def _done(sign: str, left: Decimal, right: Decimal) -> Decimal:
    acts = {"+": _CONTEXT.add, "-": _CONTEXT.subtract, "*": _CONTEXT.multiply, "/": _CONTEXT.divide}
    try:
        value = acts[sign](left, right)
    except (DivisionByZero, InvalidOperation) as error:
        raise Impossible("nothing can be divided by zero") from error
    except Overflow as error:
        raise Impossible(_TOO_LARGE) from error
    if value and value.adjusted() >= MOST_DIGITS:
        raise Impossible(_TOO_LARGE)
    return value
