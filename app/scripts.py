"""How many characters of a text stand in which script: how many tokens they take depends on it."""

import re
from enum import StrEnum
from typing import Self

import msgspec


class Script(StrEnum):
    """Characters that vocabularies split alike."""

    LATIN = "latin"
    """ASCII letters, and blanks, which go with the word after them."""
    ALPHABETS = "alphabets"
    """Letters of other alphabets with blanks between words (Cyrillic, Greek, Arabic, …), and Latin ones with marks."""
    CJK = "cjk"
    """Han, kana and hangul, with their punctuation and wide forms."""
    THAI = "thai"
    """Thai, Lao, Khmer, Burmese, Tibetan: alphabets without blanks between words."""
    SYMBOLS = "symbols"
    """Emoji, arrows, mathematical signs, typographic punctuation."""
    CODES = "codes"
    """Digits, and long words of letters and digits: base64, hexadecimal, ids."""
    SIGNS = "signs"
    """ASCII punctuation."""


SCRIPTS = tuple(Script)
CODE_CHARS = 24
"""A word of letters and digits as long as this says nothing to a vocabulary: it is split into pieces of two letters."""

_RUNS = {
    Script.CJK: re.compile(
        "[\u1100-\u11ff\u2e80-\u2fdf\u3000-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\ufe30-\ufe4f\uff00-\uffef"
        "\U00020000-\U0003ffff]+"
    ),
    Script.THAI: re.compile("[\u0e00-\u109f\u1780-\u17ff\u1950-\u19ff\u1a20-\u1aaf\ua9e0-\ua9ff\uaa60-\uaadf]+"),
    Script.SYMBOLS: re.compile(
        "[\u00a1-\u00a9\u00ab-\u00b4\u00b6-\u00b9\u00bb-\u00bf\u00d7\u00f7\u2000-\u2bff\ue000-\uf8ff\ufe00-\ufe0f"
        "\U0001d000-\U0001ffff\U000e0000-\U0010ffff]+"
    ),
}
_ASCII = re.compile(r"[\x00-\x7f]+")
CODE = re.compile(rf"(?<![A-Za-z0-9+/=_-])(?=[A-Za-z+/=_-]*\d)[A-Za-z0-9+/=_-]{{{CODE_CHARS},}}")
"""A long word of letters and digits."""
_LETTERS_AND_BLANKS = bytes(n for n in range(128) if chr(n).isalpha() or n <= 32)
_DIGITS = b"0123456789"


class Census(msgspec.Struct, frozen=True):
    """The characters of a text by script, in the order of `SCRIPTS`, and its words: what stands between blanks."""

    characters: tuple[int, ...] = (0,) * len(SCRIPTS)
    words: int = 0

    def __add__(self, other: Self) -> "Census":
        """Return the census of both texts."""
        return Census(tuple(map(sum, zip(self.characters, other.characters, strict=True))), self.words + other.words)

    def of(self, script: Script) -> int:
        """Return how many characters stand in a script."""
        return self.characters[SCRIPTS.index(script)]


def census(text: str) -> Census:
    """Count the characters of a text by script. Costs some microseconds for a page."""
    words = text.split()
    ascii_text = text if text.isascii() else "".join(_ASCII.findall(text))
    raw = ascii_text.encode()
    counts = dict.fromkeys(SCRIPTS, 0)
    signs_and_digits = len(raw.translate(None, _LETTERS_AND_BLANKS))
    signs = len(raw.translate(None, _LETTERS_AND_BLANKS + _DIGITS))
    counts[Script.CODES], counts[Script.SIGNS] = signs_and_digits - signs, signs
    counts[Script.LATIN] = len(raw) - signs_and_digits
    for code in (found for word in words if len(word) >= CODE_CHARS for found in CODE.findall(word)):
        digits = sum(map(str.isdigit, code))
        letters = sum(map(str.isalpha, code))
        counts[Script.CODES] += len(code) - digits
        counts[Script.LATIN] -= letters
        counts[Script.SIGNS] -= len(code) - digits - letters
    if len(raw) < len(text):
        _count_others(text, len(text) - len(raw), counts)
    return Census(tuple(counts[script] for script in SCRIPTS), len(words))


def _count_others(text: str, others: int, counts: dict[Script, int]) -> None:
    """Count the characters beyond ASCII, `others` in all."""
    for script, runs in _RUNS.items():
        found = sum(map(len, runs.findall(text)))
        counts[script] += found
        others -= found
    counts[Script.ALPHABETS] += others
