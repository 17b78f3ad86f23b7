"""The words of a text as they are compared: numbers whole, the rest stemmed, stop words left out.

Scripts without blanks between words are cut into overlapping pieces instead: two letters of Chinese, Japanese and
Korean (as Lucene's CJKAnalyzer does), three of Thai and its neighbours. A part of a sentence finds it so, without a
dictionary of any language.
"""

import re
import unicodedata
from collections.abc import Iterator
from typing import Protocol

import py_rust_stemmers

# A code such as E-417 is one word: its parts say nothing by themselves.
_WORD = re.compile(r"[^\W\d_]+-\d\w*|\d+(?:[.,:]\d+)*|\w+")
_CJK = (
    "\u3005-\u3007\u3031-\u3035\u3041-\u30fa\u30fc-\u30ff\u3105-\u312f\u3400-\u9fff\uac00-\ud7a3\uf900-\ufaff"
    "\U00020000-\U0003ffff"
)
_THAI = "\u0e01-\u0e3a\u0e40-\u0e4e\u0e81-\u0ece\u0f40-\u0fbc\u1000-\u1049\u1050-\u109d\u1780-\u17d3\u19e0-\u19ff"
# Signs above and below letters belong to their word, though they are no letters.
_MARKS = (
    "\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u05bf-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u0900-\u0963\u0971-\u09e3"
    "\u0a01-\u0de5\u200c\u200d"
)
_PICTURES = "\u2600-\u27bf\U0001f300-\U0001faff"
_ANY_WORD = re.compile(
    rf"(?P<cjk>[{_CJK}]+)|(?P<thai>[{_THAI}]+)|[{_PICTURES}]|[^\W\d_{_CJK}{_THAI}]+-\d[^\W{_CJK}{_THAI}]*|"
    rf"\d+(?:[.,:]\d+)*|(?:[^\W{_CJK}{_THAI}]|[{_MARKS}])+"
)
_CJK_LETTERS = 2
_THAI_LETTERS = 3
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
    for match in (_WORD if folded.isascii() else _ANY_WORD).finditer(folded):
        run = match.group()
        match match.lastgroup:
            case "cjk":
                yield from _pieces(run, _CJK_LETTERS)
            case "thai":
                yield from _pieces(run, _THAI_LETTERS)
            case _:
                word = run.strip("_").replace("-", "")
                if word:
                    # 4,096 and 4096 are one number.
                    yield word.replace(",", "") if _THOUSANDS.fullmatch(word) else word


def _pieces(run: str, letters: int) -> Iterator[str]:
    """Yield each `letters` neighbours of a run; a shorter run whole."""
    for start in range(max(1, len(run) - letters + 1)):
        yield run[start : start + letters]


def is_number(term: str) -> bool:
    """Say whether a term is a number, or has one in it as a code, a version or a time has."""
    return any(character.isdigit() for character in term)
