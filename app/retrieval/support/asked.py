"""What a question asks for: a number of some dimension, a code, an address, or just words."""

import re
from collections.abc import Sequence

import msgspec

from app.retrieval.support.units import DURATIONS, MONEY, UNITS
from app.retrieval.support.words_said import WORD_WEIGHT, Words, words_said
from app.retrieval.words import terms

CODE_WEIGHT = 2.0
ABOUT_WEIGHT = 0.5
"""Of a word that only stands in what was said before the question."""
CODE, CALLED, ADDRESS, NUMBER, PERSON, DATE = "code", "number", "address", "any number", "person", "date"
ROLE = "role"
"""Who may, can or must: people by what they are, not by name."""

_SHARE = MONEY | {"percent"}
_BEGINS = r"(?:^|[.?!]\s+)"
"""A question may follow a sentence that says what it is about."""

_KINDS: tuple[tuple[str, frozenset[str]], ...] = (
    (r"percent(?:age)?|how steep", frozenset({"percent"})),
    (r"how many (?:days|weeks|hours|minutes|months|years)|how much time", DURATIONS),
    (r"how (?:soon|often|old)|how long|\b(?:period|duration|deadline)\b", DURATIONS),
    (rf"{_BEGINS}when\b|\b(?:until|by|since|from) when\b", DURATIONS | {"clock", DATE}),
    (r"what time|opening hours|on which days|which days", frozenset({"clock"})),
    (r"phone|telephone|which number do i call|\bnumber .*\bcall", frozenset({CALLED})),
    (r"\bmail\b|e-mail|\baddress\b|\bwhere\b.*\b(?:sen[dt]|writ(?:e|ten)|mailed|addressed)\b", frozenset({ADDRESS})),
    (r"part number|\bcode\b|order number|article number|serial number", frozenset({CODE})),
    (r"how heavy|\bweighs?\b|\bweight\b|\b(?:heavi|light)est\b", frozenset({"weight"})),
    (
        r"\bcosts?\b|\bprices?\b|\bpay\b|\bpaid\b|\bcharged?\b|\bfees?\b|how expensive|what amount|"
        r"\b(?:deposit|allowance|salary)\b|\b(?:cheap|dear)est\b",
        MONEY,
    ),
    (r"\b(?:discount|advance)\b", _SHARE),
    (
        r"how (?:wide|narrow|high|tall|deep|far|thick|large|big)\b|\b(?:width|height|diameter|depth)\b|"
        r"\b(?:wid|narrow|tall|deep|thick)est\b",
        frozenset({"length"}),
    ),
    (r"how (?:fast|quick)(?:ly)? (?:must|should|can|will|do|does|is|are)\b", DURATIONS | {"speed"}),
    (r"how (?:fast|quick)|\bspeed\b|\bfastest\b", frozenset({"speed"})),
    (r"how (?:hot|cold|warm)\b|\btemperature\b|\bdegrees\b|\b(?:hott|cold|warm)est\b", frozenset({"degree"})),
    (r"\blitres\b|\bliters\b|\bvolume\b|how much\b.*\b(?:hold|contain)s?\b", frozenset({"volume"})),
    (r"\bwatts?\b|\bkw\b", frozenset({"power"})),
    (r"\bvolts?\b|\bvoltage\b", frozenset({"volt"})),
    (r"\bdb\b|\bnoise\b|how loud", frozenset({"sound"})),
    (r"how much (?:is|are|for)\b", _SHARE),
    (r"how (?:many|much)\b", frozenset({NUMBER})),
    (
        r"\bwho (?:else )?(?:may|can|could|must|should|has to|(?:is|are) (?:allowed|able|permitted))\b",
        frozenset({ROLE}),
    ),
    (r"\bwho(?:se)?\b|name of", frozenset({PERSON})),
)
_KIND = tuple((re.compile(pattern, re.IGNORECASE), kind) for pattern, kind in _KINDS)
_LONGER = re.compile(
    rf"{_BEGINS}(?:how (?:do|can|should|to)\b|explain|describe|why\b|compare)|what should|what (?:must|can) i do|"
    r"what happens|what to do|what is wrong",
    re.IGNORECASE,
)
_EACH = re.compile(r"\b(?:each|every|all|both)\b", re.IGNORECASE)
_FRAME_WORDS = """
    how much many long soon far high large old what which who whom when where cost costs price paid pay charge weigh
    weight number phone call code mean means called use last take takes get must may keep kept does do i you please
    tell say give name go write address happen explain describe show compare
"""
_FRAME = frozenset(terms(_FRAME_WORDS.replace("\n", " ")))
"""Words that only say what kind of answer is wanted."""
_KIND_WORDS = """
    percent percentage period duration deadline mail address send sent written part article serial order heaviest
    lightest fee expensive amount deposit allowance salary cheapest discount advance wide narrow tall thick big width
    height diameter depth widest narrowest tallest deepest thickest fast quick speed fastest hot cold warm temperature
    degrees hottest coldest warmest litres liters volume watts voltage volts noise loud opening yearly monthly weekly
    daily annual
"""
_OF_KIND = frozenset(terms(_KIND_WORDS.replace("\n", " ")))
"""Words that say it too, and may stand in the answer: they count where they do."""


class Asked(msgspec.Struct, frozen=True):
    """A question: the words that it is about, and the dimensions of which its answer has a number, none if any will do.

    `is_longer` where the answer is more than a fact: how to do something, what happens.
    """

    words: Words
    kinds: frozenset[str]
    is_longer: bool
    every: frozenset[str]
    """All of its terms, numbers too."""
    counted: Sequence[str] = ()
    """Terms of what is counted: how many gears."""
    is_each: bool = False
    """Whether it is asked of each thing of several."""
    spare: frozenset[str] = frozenset()
    """Terms of its words that say of which kind the answer is, and that this may do without."""
    before: frozenset[str] = frozenset()
    """Terms that only stand in what was said before it."""


def read_question(question: str, about: str = "") -> Asked:
    """Return what a question asks for; `about` is what was said before it, which it may lean on."""
    words = words_said(question)
    is_longer = _LONGER.search(question) is not None
    kinds = next((kind for pattern, kind in _KIND if pattern.search(question)), frozenset[str]())
    counted = re.search(r"how many ([\w-]+)", question, re.IGNORECASE)
    noun = () if counted is None else tuple(terms(counted[1]))
    is_each = _EACH.search(question) is not None
    if counted is not None and counted[1].casefold() in UNITS:
        kinds, noun = frozenset({UNITS[counted[1].casefold()][0]}), ()
        kinds = DURATIONS if kinds & DURATIONS else kinds
    weights = {
        words.undone.get(term, term): CODE_WEIGHT if term in words.codes else min(weight, WORD_WEIGHT)
        for term, weight in words.weights.items()
        if term not in _FRAME and term not in noun
    }
    before = {
        term: min(weight, ABOUT_WEIGHT)
        for term, weight in words_said(about).weights.items()
        if term not in {*weights, *noun} | _FRAME | _OF_KIND
    }
    read = msgspec.structs.replace(words, weights={**before, **(weights or words.weights)})
    kinds = frozenset[str]() if is_longer else kinds
    spare = frozenset(weights) & _OF_KIND if kinds and set(weights) - _OF_KIND else frozenset[str]()
    return Asked(
        read, kinds, is_longer, frozenset(terms(f"{about} {question}")), noun, is_each, spare, frozenset(before)
    )
