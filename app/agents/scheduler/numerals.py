"""Numbers as requests write them: in digits or in words, up to ninety-nine."""

from app.agents.scheduler.spans import either

_SMALL = (
    *("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen"),
    *("fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_WORDS = {word: number for number, word in enumerate(_SMALL, start=1)} | {
    word: number * 10 for number, word in enumerate(_TENS, start=2)
}
_FIRST = (
    *("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth", "eleventh"),
    *("twelfth", "thirteenth", "fourteenth", "fifteenth", "sixteenth", "seventeenth", "eighteenth", "nineteenth"),
    "twentieth",
)
_ORDINALS = {word: number for number, word in enumerate(_FIRST, start=1)} | {"thirtieth": 30}

_UNIT = either(_SMALL[:9])
NUMBER = rf"(?:\d{{1,3}}|{either(_TENS)}[- ]{_UNIT}|{either(_WORDS)}|an?|a couple of|a few)"
"""How a count is written; `a` is one."""
HOUR_WORD = either(_SMALL[:12])
ORDINAL = rf"(?:\d{{1,2}}(?:st|nd|rd|th)|(?:twenty|thirty)[- ]{either(_FIRST[:9])}|{either(_ORDINALS)})"
"""How a day of the month is written."""


def number_of(text: str) -> int:
    """Return the number that NUMBER found."""
    text = text.lower().strip()
    if text.isdigit():
        return int(text)
    fixed = {"a": 1, "an": 1, "a couple of": 2, "a few": 3}
    if text in fixed:
        return fixed[text]
    return sum(_WORDS[word] for word in text.replace("-", " ").split())


def ordinal_of(text: str) -> int:
    """Return the number that ORDINAL found, which may stand without its ending."""
    text = text.lower().strip()
    digits = text.rstrip("abcdefghijklmnopqrstuvwxyz")
    if digits.isdigit():
        return int(digits)
    tens, _, unit = text.replace("-", " ").partition(" ")
    return _WORDS[tens] + _ORDINALS[unit] if unit else _ORDINALS[tens]
