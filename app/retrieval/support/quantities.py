"""The numbers of a text, each with its unit: grouped, spelled or in digits, they compare alike."""

import re
import unicodedata
from collections.abc import Iterator

import msgspec

from app.retrieval.support.units import UNITS

LEAST_DIGITS = 7
"""Of a number in groups that is called or filed under, not counted."""
ALIKE = 0.001

_ONES_WORDS = """
    zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen
    eighteen nineteen
"""
_ONES = _ONES_WORDS.split()
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_SPELLED = {word: float(n) for n, word in enumerate(_ONES)} | {word: 20.0 + 10 * n for n, word in enumerate(_TENS)}
_SCALES = {"hundred": 1e2, "thousand": 1e3, "million": 1e6, "billion": 1e9, "bn": 1e9, "trillion": 1e12}
_PARTS = {"half": 50.0, "a third": 100 / 3, "a quarter": 25.0, "a fifth": 20.0, "a tenth": 10.0}
_UNIT = "|".join(re.escape(unit) for unit in sorted(UNITS, key=len, reverse=True))
_SMALL = "|".join((*_ONES, *_TENS))
# A code such as E-417 or D2 holds no number that could be counted.
_FOUND = re.compile(
    r"(?P<code>[^\W\d_]+-?\d[\w-]*|\d+(?:\.\d+)?[^\W\d_]+\d\w*)"
    r"|(?P<called>(?<![\w.,])\+?\d{2,5}(?:[ \u00a0/-]\d{2,5})+(?![\w]|[.,]\d))"
    r"|(?P<clock>(?<![\w.,:])\d{1,2}:\d{2}(?![\w:]))"
    r"|(?:(?P<money>[€$£])[ ]?)?(?<![\w.,])(?P<sign>(?:minus |-|\u2212))?"
    rf"(?:(?P<digits>\d{{1,3}}(?:,\d{{3}})+(?:\.\d+)?|\d{{1,3}}(?:[ \u00a0\u202f']\d{{3}})+(?!\d)|\d+(?:[.,]\d+)*)"
    rf"|(?P<spelled>\b(?:{_SMALL})(?:[ -](?:{'|'.join(_ONES[1:10])}))?\b))"
    rf"(?P<scale>[ -]?(?:{'|'.join(_SCALES)})\b)?"
    rf"(?:[ \u00a0-]?(?P<unit>{_UNIT})(?![\w/]))?"
    rf"|\b(?P<part>{'|'.join(_PARTS)})\b(?: (?:an?|the) (?P<whole>{_UNIT})\b)?",
)
_YEARS = re.compile(r"(?:19|20)\d{2}[ /-](?:19|20)\d{2}")
_RANGE = re.compile(r"\s*(?:to|and|or|by|x|-|\u2013)\s*\Z")


class Quantity(msgspec.Struct, frozen=True):
    """A number at `text[start:end]`: its value in its dimension's own unit, "" where it has none.

    `values` holds more than one where it can be read in two ways: 1.950. What is called or filed under has the
    dimension `number`, and its digits in `digits`.
    """

    values: tuple[float, ...]
    dimension: str
    start: int
    end: int
    digits: str = ""
    unit: str = ""
    """As it stands there."""


def quantities(text: str) -> list[Quantity]:
    """Return the numbers of a text in order."""
    folded = _folded(text)
    found = [quantity for match in _FOUND.finditer(folded) if (quantity := _quantity(match)) is not None]
    for n in range(len(found) - 2, -1, -1):
        # Of "4 to 6 weeks" the first is weeks too.
        one, following = found[n], found[n + 1]
        if not one.dimension and following.dimension and _RANGE.fullmatch(folded, one.end, following.start):
            factor = _factor_of(folded, following)
            values = tuple(value * factor for value in one.values)
            found[n] = msgspec.structs.replace(one, values=values, dimension=following.dimension)
    return found


def is_same(claimed: Quantity, said: Quantity) -> bool:
    """Whether two are the same number of the same dimension, one of them without any at most."""
    if claimed.digits or said.digits:
        short, long = sorted((claimed.digits, said.digits), key=len)
        return len(short) >= LEAST_DIGITS and long.endswith(short)
    if claimed.dimension and said.dimension and claimed.dimension != said.dimension:
        return False
    return any(abs(a - b) <= ALIKE * max(abs(a), abs(b)) for a in claimed.values for b in said.values)


def _quantity(match: re.Match[str]) -> Quantity | None:
    start, end = match.span()
    match match.lastgroup:
        case "code":
            return None
        case "called":
            return _called(match)
        case "clock":
            hours, minutes = match["clock"].split(":")
            return Quantity((int(hours) * 60.0 + int(minutes),), "clock", start, end)
        case _:
            pass
    if match["part"]:
        return _part(match)
    scale = _SCALES.get((match["scale"] or "").strip(" -"), 1.0)
    values = tuple(_values(match["digits"])) if match["digits"] else (_spelled(match["spelled"]),)
    unit = match["unit"] or match["money"] or ""
    if match["spelled"] == "one" and not unit:
        return None  # it is a pronoun as often
    dimension, factor = UNITS.get(unit, ("", 1.0))
    sign = -1.0 if match["sign"] else 1.0
    return Quantity(tuple(sign * value * scale * factor for value in values), dimension, start, end, unit=unit)


def _called(match: re.Match[str]) -> Quantity:
    digits = "".join(character for character in match["called"] if character.isdigit())
    if len(digits) >= LEAST_DIGITS and not _YEARS.fullmatch(match["called"]):
        return Quantity((), "number", *match.span(), digits)
    value = float(digits) if re.fullmatch(r"\d{1,3}(?:[ \u00a0]\d{3})+", match["called"]) else None
    if value is not None:
        return Quantity((value,), "", *match.span())
    first = re.match(r"\+?\d+", match["called"])
    return Quantity((float(first.group()) if first else 0.0,), "", *match.span())


def _part(match: re.Match[str]) -> Quantity:
    share = _PARTS[match["part"]]
    if match["whole"]:
        dimension, factor = UNITS[match["whole"]]
        return Quantity((share / 100 * factor,), dimension, *match.span())
    return Quantity((share,), "percent", *match.span())


def _values(digits: str) -> Iterator[float]:
    plain = re.sub(r"[ \u00a0\u202f']", "", digits)
    if re.fullmatch(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?", plain):
        yield float(plain.replace(",", ""))
    elif re.fullmatch(r"\d{1,3}(?:\.\d{3})+", plain):
        yield float(plain.replace(".", ""))
        if plain.count(".") == 1:
            yield float(plain)
    elif re.fullmatch(r"\d+(?:[.,]\d+)?", plain):
        yield float(plain.replace(",", "."))
    else:
        yield float(plain.replace(",", ".").split(".")[0])


def _spelled(words: str) -> float:
    return sum(_SPELLED[word] for word in re.split(r"[ -]", words))


def _factor_of(folded: str, quantity: Quantity) -> float:
    match = _FOUND.match(folded, quantity.start)
    unit = "" if match is None else match["unit"] or match["money"] or ""
    return UNITS.get(unit, ("", 1.0))[1]


def _folded(text: str) -> str:
    """Return the text in small letters, as long as it was: places in it are places in the text."""
    return "".join(_letter(character) for character in text)


def _letter(character: str) -> str:
    low = unicodedata.normalize("NFKC", character).casefold() if character not in "²°" else character
    return low if len(low) == 1 else character
