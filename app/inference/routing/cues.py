"""What the wording of a question shows about the work it asks for."""

import re
from collections.abc import Mapping, Sequence
from enum import IntEnum
from math import log, log1p

import msgspec

HEAD_CHARS = 420
TAIL_CHARS = 180
"""Only the first HEAD_CHARS and the last TAIL_CHARS of a text are read: what is asked stands at an end of what is
pasted, and a decision must cost the same for a page as for a paragraph."""

LONGEST_WORD = 30
"""Letters: "floccinaucinihilipilification" has 29."""


class Cue(IntEnum):
    """A countable sign. Each can only raise the need; none is decisive alone. Length is not among them."""

    ASKS = 0
    """Things asked beyond the first (0 to 3)."""
    EXPLAIN = 1
    """An explanation or a procedure is wanted (0 to 2)."""
    TROUBLE = 2
    """Something does not work as it should (0 or 1)."""
    COMPARE = 3
    """Alternatives are set beside each other (0 to 2)."""
    JUDGE = 4
    """A recommendation, an assessment or reasons are wanted (0 to 3)."""
    CONDITIONS = 5
    """Conditions, exceptions and causes that must hold together (0 to 4)."""
    ARITHMETIC = 6
    """Numbers, when an amount is asked for (0 to 4)."""
    WORK = 7
    """Something has to be planned, designed, proved or worked out (0 to 2)."""
    CLAUSES = 8
    """Natural logarithm of one plus the clauses beyond the first."""
    CODE = 9
    """The text holds program code or a formula (0 or 1)."""


_WORDS: dict[int, str] = {
    Cue.EXPLAIN: "how why explain explains describe steps step guide happens difference summarise summarize summary "
    "understand instructions walk show teach draft write rewrite reply meaning works worked affect",
    Cue.TROUBLE: "problem trouble wrong fails failed failing slow stuck broken crash crashes crashed cannot "
    "cant wont doesnt didnt isnt forgot lost missing incorrect corrected although twice again fix offline",
    Cue.COMPARE: "compare compared comparing comparison versus vs differ differs differences cheaper cheapest better "
    "faster rather instead alternatives alternative than tradeoff pros cons either beside against",
    Cue.JUDGE: "should recommend recommended whether best justify argue assess evaluate decide considering weigh worth "
    "implications consequences reasons reason risk risks likely causes dispute appeal advise suitable fit fits",
    Cue.CONDITIONS: "if unless given assuming suppose provided while whereas but although without only must both each "
    "because after before since so until taking except least avoid keep half",
    Cue.WORK: "design propose analyse analyze analysis prove proof derive reconcile optimise optimize strategy migrate "
    "migration rollout refactor implement algorithm debug diagnose calculate calculation counterexample break create "
    "combination schedule investigate",
}
# Enum members cost a look-up and a comparison each; the hot path uses plain numbers.
_ASKS, _EXPLAIN, _ARITHMETIC, _CLAUSES, _CODE = (
    int(cue) for cue in (Cue.ASKS, Cue.EXPLAIN, Cue.ARITHMETIC, Cue.CLAUSES, Cue.CODE)
)
_OTHER = len(Cue)
_ASK, _AMOUNT, _NUMBER, _JOIN, _ENGLISH = range(_OTHER, _OTHER + 5)
_OTHER_WORDS = {
    _ASK: "what why how explain compare describe calculate list recommend draft write propose assess evaluate justify "
    "argue analyse analyze summarise summarize decide show prove rewrite which who where when",
    _AMOUNT: "cost costs total pay pays much cheaper price budget per percent sum calculate calculation bill billed "
    "owe owed saves save worth even remains amount average rate fee discount profit interest altogether left many",
    _NUMBER: "two three four five six seven eight nine ten eleven twelve twenty thirty forty fifty hundred thousand "
    "half twice third quarter dozen",
    _JOIN: "and but which that because while so then or",
    _ENGLISH: "the a an is are was do does did of to in on for with what how why who where when which can could i you "
    "my your we our it this that and or if me not from by at be have has please should would will there thanks hello",
}
_CAPS = (3, 2, 1, 2, 3, 4, 4, 2, 0, 0)
"""By Cue; those with 0 are not counts of words."""


def _index(words: Mapping[int, str]) -> dict[bytes, tuple[int, ...]]:
    found: dict[bytes, tuple[int, ...]] = {}
    for index, listed in words.items():
        for word in listed.encode().split():
            found[word] = (*found.get(word, ()), int(index))
    return found


_PLACES = _index({**_WORDS, **_OTHER_WORDS})
_ONE_FACT = re.compile(rb"how (?:much|many|long|heavy|big|large|old|far|tall|wide|high|fast|often|soon|late)\b")
_KEPT = b"abcdefghijklmnopqrstuvwxyz0123456789"
_SPACED = bytes(byte if byte in _KEPT else 32 for byte in range(256))
"""Splitting what this leaves costs a fifth of finding words by a regular expression."""
_CODE_SIGNS = frozenset(b"`{}\\^=<>|;")
_OPTIONS = ("\nA. ", "\nB. ")
_OPTIONS_CHARS = 4_000
"""Options are looked for in this many last characters."""


class Reading(msgspec.Struct, frozen=True):
    """What was read of a text."""

    words: list[bytes]
    """Lower-case words and runs of digits of the part that was read, in ASCII."""
    cues: list[float]
    """One value per Cue, by its index."""
    log_chars: float
    """Natural logarithm of the length of the whole text in characters."""
    is_exam: bool
    """The text is a multiple-choice question, the form of the prompts that the learned part was trained on."""
    is_readable: bool
    """There are words, and they are English enough for the cues to mean something."""


def read(text: str) -> Reading:
    """Read a question of any length and script; the cost is bounded."""
    looked = text if len(text) <= HEAD_CHARS + TAIL_CHARS else f"{text[:HEAD_CHARS]}\n{text[-TAIL_CHARS:]}"
    raw = looked.replace("\u2019", "'").encode("utf-8", "replace").lower()
    words = raw.translate(_SPACED, b"'").split()
    counts = _count(words)
    # A text in another script has two to four bytes a character.
    is_foreign = len(raw) > 1.3 * len(looked) or (len(words) > 3 and not counts[_ENGLISH])
    # Base64, hexadecimal and the like say nothing, however long: no word is.
    is_code = sum(size for size in map(len, words) if size > LONGEST_WORD) > len(raw) / 2
    return Reading(
        words=words,
        cues=_cues(raw, counts, words),
        log_chars=log(len(text) + 1),
        is_exam=_has_options(text),
        is_readable=bool(words) and not is_foreign and not is_code,
    )


def _has_options(text: str) -> bool:
    tail = text[-_OPTIONS_CHARS:]
    return _OPTIONS[0] in tail and _OPTIONS[1] in tail


def _count(words: Sequence[bytes]) -> list[int]:
    counts = [0] * (_OTHER + len(_OTHER_WORDS))
    for places in filter(None, map(_PLACES.get, words)):
        for place in places:
            counts[place] += 1
    return counts


def _cues(raw: bytes, counts: Sequence[int], words: Sequence[bytes]) -> list[float]:
    cues: list[float] = list(map(min, counts, _CAPS))
    if counts[_EXPLAIN] and (facts := len(_ONE_FACT.findall(raw))):
        cues[_EXPLAIN] = max(0, min(counts[_EXPLAIN] - facts, 2))
    cues[_ASKS] = min(max(counts[_ASK], raw.count(b"?"), 1) - 1, 3)
    if counts[_AMOUNT]:
        # Bytes compare like text: a word below b":" starts with a digit.
        cues[_ARITHMETIC] = min(counts[_NUMBER] + sum(map(b":".__gt__, words)), 4)
    marks = raw.translate(None, _KEPT)
    clauses = raw.count(b". ") + marks.count(b",") + marks.count(b"? ") + marks.count(b";") + marks.count(b": ")
    cues[_CLAUSES] = log1p(clauses + counts[_JOIN])
    cues[_CODE] = float(len(_CODE_SIGNS.intersection(marks)) > 1)
    return cues
