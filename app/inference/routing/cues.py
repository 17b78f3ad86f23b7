"""What the wording of a question shows about the work it asks for."""

import re
from collections.abc import Iterable, Mapping
from itertools import islice
from math import log1p
from operator import add
from unicodedata import normalize

import msgspec

from app.inference.routing.asked import Asked, asked
from app.inference.routing.cue_words import (
    AMOUNT,
    ASK,
    JOIN,
    KNOWN,
    NUMBER,
    OPENS,
    OTHER_WORDS,
    PAIRS,
    PERSON,
    WORDS,
    Cue,
)

STEM = 6
"""Letters of a word that an entry with "-" compares."""
LONGEST_WORD = 36
"""Letters: longer words than German compounds are no words."""
LEAD = 0.35
"""What leads up to a question counts so much of the same words in the question."""
STORY_CHARS = 200
"""The length of an ordinary word problem."""
LONGEST_STORY = 4.0
KEPT_WORDS = 20_000
"""Words of which it is kept what they count, a few megabytes."""

# Enum members cost a look-up and a comparison each; the hot path uses plain numbers.
_ASKS, _EXPLAIN, _CONDITIONS, _ARITHMETIC = map(int, (Cue.ASKS, Cue.EXPLAIN, Cue.CONDITIONS, Cue.ARITHMETIC))
_CLAUSES, _CODE, _CLAIM, _MATERIAL, _STORY = map(int, (Cue.CLAUSES, Cue.CODE, Cue.CLAIM, Cue.MATERIAL, Cue.STORY))
_COUNTS = OPENS + 1
_DIGITS, _POINTS, _LONG = range(_COUNTS, _COUNTS + 3)
"""Counted beside them: words that begin with a digit, that point at what was said, and that are no words."""
_CAPS = (3, 1, 1, 2, 3, 4, 0, 2, 0, 0, 2, 0, 0, 0)
"""By Cue; those with 0 are not counts of words."""


def _index(*listings: Mapping[int, str]) -> dict[str, tuple[int, ...]]:
    found: dict[str, tuple[int, ...]] = {}
    for index, listed in (pair for words in listings for pair in words.items()):
        for word in dict.fromkeys(listed.split()):
            found[word] = (*found.get(word, ()), int(index))
    return found


def _check(stem: str) -> bytes:
    if len(stem) != STEM:
        raise ValueError(f"{stem!r} has not the {STEM} letters that are compared")
    return stem.encode()


_ALL = _index(WORDS, OTHER_WORDS)
_STEMS = {_check(word[:-1]): places for word, places in _ALL.items() if word.endswith("-")}
_PLACES = {
    word.encode(): left
    for word, places in _ALL.items()
    if not word.endswith("-")
    # What the stem counts is not counted twice.
    and (left := tuple(place for place in places if place not in _STEMS.get(word[:STEM].encode(), ())))
}
_PAIRS = _index(PAIRS)
_KNOWN = frozenset(KNOWN.encode().split())
_ONE_FACT = re.compile(
    rb"(?:how|wie) (?:much|many|long|heavy|big|large|old|far|tall|wide|high|fast|often|soon|late|viel|viele|lange"
    rb"|schwer|gro|alt|weit|hoch|breit|oft|spat|teuer|heit|heien)\b"
)
_KEPT = b"abcdefghijklmnopqrstuvwxyz0123456789"
_SPACED = bytes(byte if byte in _KEPT else 32 for byte in range(256))
"""Splitting what this leaves costs a fifth of finding words by a regular expression."""
_NO_CODE = bytes(set(range(256)) - set(b"`{}\\^=<>|;[]_*"))
"""Taking out what is no sign of code costs a tenth of looking at each byte."""
_FEWEST_NUMBERS = 2
_AIMS = tuple(map(int, (Cue.EXPLAIN, Cue.COMPARE, Cue.JUDGE, Cue.WORK, Cue.TERMS)))
_NO_STORY = (PERSON, int(Cue.TERMS))
_WANTS = (int(Cue.JUDGE), int(Cue.WORK))
_DEFINITE = frozenset(b"the this that it there der die das".split())
_FEW_WORDS = 3
_POINTING = frozenset(b"it its that this these those them they one ones other same second first more again".split())
_TELLING = (("\u2019", "'"), ("ómo ", "omoq "), ("or qué", "orqueq"))
"""In Spanish the accent alone tells a question word."""
_ELIDED = (b" l'", b" d'", b"qu'", b" n'", b" s'")
_INVERTED = (b"-il", b"-elle")
_CJK = re.compile("[\u3040-\u30ff\u4e00-\u9fff]")
_CJK_OPEN = ("吗", "か")
_CJK_COMMAS = "、，；"


class Reading(msgspec.Struct, frozen=True):
    """What was read of a text."""

    cues: list[float]
    """One value per Cue, by its index."""
    words: int
    """Words of the question, in letters of the Latin script."""
    is_pointing: bool
    """The question holds a word that points at something said before."""
    is_readable: bool
    """There are words, of a language that the cues know."""


class _Counted(msgspec.Struct, frozen=True):
    raw: bytes
    """Lower-case ASCII; letters lose their marks, other scripts are left out."""
    words: list[bytes]
    counts: list[int]
    facts: int
    """How often an amount is asked for ("how many")."""
    numbers: int
    is_cjk: bool


class _Words(dict[bytes, tuple[int, ...]]):
    """What each word counts, found when it is first met and kept: texts are mostly made of the same words."""

    def __missing__(self, word: bytes) -> tuple[int, ...]:
        found = _PLACES.get(word, ())
        if len(word) >= STEM:
            found += _STEMS.get(word[:STEM], ())
        # Bytes compare like text: what is below b":" starts with a digit.
        if word < b":":
            found += (_DIGITS,)
        if word in _POINTING:
            found += (_POINTS,)
        if len(word) > LONGEST_WORD:
            # Whatever it is, it is hardly met again.
            return (*found, _LONG)
        if len(self) >= KEPT_WORDS:
            self.clear()
        self[word] = found
        return found


_counts_of = _Words().__getitem__
_NOTHING = _Counted(b"", [], [0] * (_LONG + 1), 0, 0, is_cjk=False)


def read(text: str) -> Reading:
    """Read a question of any length and script; the cost is bounded."""
    parts = asked(text)
    question, lead = _count(parts.question), _count(parts.lead) if parts.lead else _NOTHING
    numbers = _numbers(question, lead)
    if numbers >= _FEWEST_NUMBERS and _is_story(question, lead):
        cues = _story(parts)
    else:
        cues = _cues(question, parts, numbers)
        _add_lead(cues, lead)
    return Reading(
        cues=cues,
        words=len(question.words),
        is_pointing=question.counts[_POINTS] > 0,
        is_readable=_is_known(question, lead),
    )


def _story(parts: Asked) -> list[float]:
    cues = [0.0] * len(Cue)
    cues[_STORY] = min((len(parts.question) + len(parts.lead)) / STORY_CHARS, LONGEST_STORY)
    return cues


def _is_story(question: _Counted, lead: _Counted) -> bool:
    """Tell a word problem from a question of one's own: it is about others, and wants a number and nothing else."""
    if any(question.counts[sign] + lead.counts[sign] for sign in _NO_STORY):
        return False
    return question.counts[_EXPLAIN] <= question.facts and sum(question.counts[sign] for sign in _WANTS) <= 1


def _add_lead(cues: list[float], lead: _Counted) -> None:
    """What leads up to a plain question is no part of it; what leads up to work says what the work must heed."""
    if not any(cues[cue] for cue in _AIMS):
        return
    for cue, cap in enumerate(_CAPS):
        if cap and lead.counts[cue]:
            cues[cue] = min(cues[cue] + LEAD * min(lead.counts[cue], cap), cap)


def _count(text: str) -> _Counted:
    counts = [0] * (_LONG + 1)
    is_cjk = False
    if text.isascii():
        raw = text.lower().encode()
    else:
        is_cjk = _CJK.search(text) is not None
        if is_cjk:
            _add(counts, map(_PAIRS.get, map(add, text, islice(text, 1, None))))
        raw = _folded(text)
    if b"'" in raw:
        raw = b" " + raw
        for elided in _ELIDED:
            raw = raw.replace(elided, elided[:-1] + b" ")
    words = raw.translate(_SPACED, b"'").split()
    _add(counts, map(_counts_of, words))
    numbers = counts[NUMBER] + counts[_DIGITS]
    return _Counted(raw, words, counts, len(_ONE_FACT.findall(raw)) if counts[_EXPLAIN] else 0, numbers, is_cjk)


def _folded(text: str) -> bytes:
    lowered = text.lower()
    for accented, plain in _TELLING:
        lowered = lowered.replace(accented, plain)
    return normalize("NFKD", lowered).encode("ascii", "ignore")


def _add(counts: list[int], found: Iterable[tuple[int, ...] | None]) -> None:
    for places in filter(None, found):
        for place in places:
            counts[place] += 1


def _is_known(question: _Counted, lead: _Counted) -> bool:
    """Tell a language that the cues know from others, and words from what is no language."""
    if question.is_cjk:
        return True
    # Base64, hexadecimal and the like say nothing, however long: no word is.
    if question.counts[_LONG] and sum(map(len, filter(_is_long, question.words))) > len(question.raw) / 2:
        return False
    if not _KNOWN.isdisjoint(question.words) or any(question.counts[:_COUNTS]) or not _KNOWN.isdisjoint(lead.words):
        return True
    return 0 < len(question.words) <= _FEW_WORDS


def _is_long(word: bytes) -> bool:
    return len(word) > LONGEST_WORD


def _cues(question: _Counted, parts: Asked, numbers: int) -> list[float]:
    raw, counts = question.raw, question.counts
    cues: list[float] = list(map(min, counts, _CAPS))
    cues[_EXPLAIN] = max(0, min(counts[_EXPLAIN] - question.facts, 1))
    cues[_ASKS] = min(max(counts[ASK], raw.count(b"?"), 1) - 1, 3)
    cues[_ARITHMETIC] = min(numbers, 4) if numbers >= _FEWEST_NUMBERS else 0
    if question.facts and not cues[_EXPLAIN] and not cues[_ARITHMETIC]:
        # What a fact depends on is part of the fact.
        cues[_CONDITIONS] = 0
    cues[_CLAIM] = min(counts[_CLAIM], 1) + _is_general(question, parts.question)
    marks = raw.translate(None, _KEPT)
    clauses = raw.count(b". ") + marks.count(b",") + marks.count(b"? ") + marks.count(b";") + marks.count(b": ")
    if question.is_cjk:
        clauses += sum(map(parts.question.count, _CJK_COMMAS))
    cues[_CLAUSES] = log1p(clauses + counts[JOIN])
    signs = {*marks.translate(None, _NO_CODE), *parts.pasted.encode(errors="replace").translate(None, _NO_CODE)}
    cues[_CODE] = float(len(signs) > 1)
    cues[_MATERIAL] = log1p(parts.pasted_chars / 100)
    return cues


def _numbers(question: _Counted, lead: _Counted) -> int:
    """Return how many numbers there are to reckon with, when an amount is asked for."""
    numbers = question.numbers + lead.numbers
    is_sum = numbers > _FEWEST_NUMBERS and b"?" in question.raw
    return numbers if is_sum or question.counts[AMOUNT] or question.facts else 0


def _is_general(question: _Counted, text: str) -> bool:
    """Tell whether it asks for a yes or no, of nobody in particular."""
    if question.counts[PERSON]:
        return False
    if question.is_cjk:
        return text.rstrip("？?。 ").endswith(_CJK_OPEN) and not question.counts[ASK] and not question.counts[_EXPLAIN]
    words = question.words
    if words and OPENS in _PLACES.get(words[0], ()):
        return len(words) > 1 and words[1] not in _DEFINITE
    return any(map(question.raw.__contains__, _INVERTED))
