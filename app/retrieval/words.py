"""The words of a text as they are compared: numbers whole, the rest stemmed, stop words left out."""

import re
import unicodedata
from collections.abc import Iterator
from typing import Protocol

import py_rust_stemmers

# A code such as E-417 is one word: its parts say nothing by themselves.
_WORD = re.compile(r"[^\W\d_]+-\d\w*|\d+(?:[.,:]\d+)*|\w+")
_THOUSANDS = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?")

_FUNCTION_WORDS = """
    a about above after again against all am an and any are as at be because been before being below between both but
    by can cannot could did do does doing down during each few for from further had has have having he her here hers
    herself him himself his how i if in into is it its itself just me more most my myself no nor not now of off on
    once only or other our ours ourselves out over own same she should so some such than that the their theirs them
    themselves then there these they this those through to too under until up very was we were what when where which
    while who whom why will with would you your yours yourself yourselves s t don ll re ve d m isn aren wasn weren
    hasn haven hadn doesn didn won wouldn shouldn couldn
"""
STOP_WORDS = frozenset(_FUNCTION_WORDS.split())
"""English function words: those of Porter's Snowball list and the ends that its contractions leave."""


class _Stemmer(Protocol):
    def stem_word(self, input: str) -> str: ...  # noqa: A002


# The package has no type information.
_ENGLISH: _Stemmer = py_rust_stemmers.SnowballStemmer("english")  # pyright: ignore


def terms(text: str) -> list[str]:
    """Return the terms of `text` in order, repeated ones too.

    A text of nothing but stop words keeps them: "what is it" must still find something.
    """
    words = list(_words(text))
    kept = [word for word in words if word not in STOP_WORDS] or words
    return [word if is_number(word) else _ENGLISH.stem_word(word) for word in kept]


def _words(text: str) -> Iterator[str]:
    folded = unicodedata.normalize("NFKC", text).casefold()
    for match in _WORD.finditer(folded):
        word = match.group().strip("_").replace("-", "")
        if word:
            # 4,096 and 4096 are one number.
            yield word.replace(",", "") if _THOUSANDS.fullmatch(word) else word


def is_number(term: str) -> bool:
    """Say whether a term is a number, or has one in it as a code, a version or a time has."""
    return any(character.isdigit() for character in term)
