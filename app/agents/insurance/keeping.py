"""Whether an answer says what the facts say: all that it must keep, each of what it is of, and no number of its own."""

import re
from collections import Counter
from collections.abc import Sequence

from app.agents.insurance.aspects import KIN, Aspect, Said, values_said
from app.agents.insurance.facts import Fact
from app.agents.keeping import has_no_other_number

OPENING = "Here is what your records say:"
"""What an answer begins with that no model said."""

_NUMBER = re.compile(r"[A-Za-z]*\d[\d,.:/-]*")
_MARKUP = re.compile(r"[*_`]+")
_ITEM = re.compile(r"\n\s*(?:\n|[-\u2022]\s|\d{1,2}[.)]\s)\s*")
_LEADING = re.compile(r"^\s*(?:[-\u2022]|\d{1,2}[.)])\s+", re.MULTILINE)
_SHORT = 12
"""Characters of what may well be said again."""
_CLAUSE_END = re.compile(r"[.;:!?](?=\s|\Z)|,(?=\s)|\b(?:and|but|which|that)\b", re.IGNORECASE)
_NOT = re.compile(r"(?:not|no|never|none|neither|nor|without|hardly|cannot|\w+n['\u2019]t)", re.IGNORECASE)
_STATES = re.compile(
    r"\b(?:active|inactive|lapsed|cancell?ed|expired|terminated|overdue|approved|denied|rejected|declined)\b",
    re.IGNORECASE,
)
"""What is a state wherever it is said: "paid" and "open" are other words too."""
_NEAR_WORD, _NEAR_NUMBER = 8, 2
"""So many words before a state, or a number, may deny it: "not yet approved", "is not $5.00"."""


def keeps(answer: str, facts: Sequence[Fact], question: str) -> bool:
    """Return whether an answer has each kept word of the facts, and no number that neither facts nor question have.

    Each amount and day must be said of what it is of in the facts, each state as it is there and not denied, and what
    belongs to one bill, claim or payment stand together. Where that is unsure, it is not kept.
    """
    if _repeats(answer):
        return False
    said = " ".join(_ITEM.sub(" ; ", f"\n{_MARKUP.sub('', answer)}").split()).removeprefix("; ")
    told = " ".join(fact.text for fact in facts)
    return (
        all(_is_said(kept, said, fact.text) for fact in facts for kept in fact.keeps)
        and has_no_other_number(said, facts, question, _numbers)
        and _are_of_their_own(said, facts)
        and _are_together(said, facts)
        and _has_no_other_state(said, f"{told} {question}")
    )


def _repeats(answer: str) -> bool:
    """Whether a sentence is said three times, as by a model that does not find its end."""
    said = Counter(" ".join(one.split()).casefold() for one in re.split(r"[.!?]\s|\n", _LEADING.sub("", answer)))
    return any(count > 2 and len(one) > _SHORT for one, count in said.items())


def _numbers(text: str) -> list[str]:
    return [found.rstrip(",.:/-").lower() for found in _NUMBER.findall(text)]


def _places(kept: str, text: str) -> list[int]:
    """Return where words stand that are not a part of others; of a noun also as several."""
    plural = "s?" if kept[-1:].isalpha() else ""
    pattern = rf"(?<!\w){re.escape(kept)}{plural}(?!\w|[.,]\d)"
    return [found.start() for found in re.finditer(pattern, text, re.IGNORECASE)]


def _is_said(kept: str, said: str, fact: str) -> bool:
    """Whether words stand in an answer, and are denied nowhere that they are not denied in their fact."""
    in_fact = {_is_denied(fact, at, kept) for at in _places(kept, fact)}
    return {_is_denied(said, at, kept) for at in _places(kept, said)} == (in_fact or {False})


def _is_denied(text: str, at: int, kept: str = "") -> bool:
    clause = _CLAUSE_END.split(text[:at])[-1].split()
    near = _NEAR_NUMBER if any(character.isdigit() for character in kept) else _NEAR_WORD
    return any(_NOT.fullmatch(word) for word in clause[-near:])


def _are_of_their_own(said: str, facts: Sequence[Fact]) -> bool:
    known = [one for fact in facts for one in values_said(fact.text)]
    return all(_is_of_its_own(one, known) for one in values_said(said))


def _is_of_its_own(one: Said, known: Sequence[Said]) -> bool:
    alike = [other for other in known if other.is_day is one.is_day]
    own = {other.aspect for other in alike if other.value == one.value}
    others = {other.aspect for other in alike if other.value != one.value}
    if not own:
        return True  # it is the question's
    if one.aspect is None:
        return not others - own
    return one.aspect in own or (one.aspect not in others and any(one.aspect in _kin(aspect) for aspect in own))


def _kin(aspect: Aspect | None) -> frozenset[Aspect]:
    return frozenset() if aspect is None else KIN.get(aspect, frozenset())


def _are_together(said: str, facts: Sequence[Fact]) -> bool:
    """Whether what one thing keeps, and another does not, is told without a word of the other's in between."""
    groups = dict[str, set[str]]()
    for n, fact in enumerate(facts):
        groups.setdefault(fact.about or str(n), set()).update(fact.keeps)
    each = list(groups.values())
    pairs = ((one, other) for n, one in enumerate(each) for other in each[:n])
    return all(_is_apart(said, one - other, other - one) for one, other in pairs)


def _is_apart(said: str, one: set[str], other: set[str]) -> bool:
    if len(one) < 2 and len(other) < 2:
        return True
    placed = sorted((at, kept in one, kept) for kept in one | other for at in _places(kept, said))
    runs = list[tuple[bool, set[str]]]()
    for _, is_one, kept in placed:
        if not runs or runs[-1][0] is not is_one:
            runs.append((is_one, set()))
        runs[-1][1].add(kept)
    return all(
        any(owner is is_one and run == whole for owner, run in runs)
        for is_one, whole in ((True, one), (False, other))
        if whole
    )


def _has_no_other_state(said: str, known: str) -> bool:
    states = {found.casefold() for found in _STATES.findall(known)}
    return all(
        found.group().casefold() in states or _is_denied(said, found.start()) for found in _STATES.finditer(said)
    )
