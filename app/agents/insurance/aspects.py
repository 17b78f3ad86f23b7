"""What the amounts and days of a text are said of: a premium, a deductible, the day on which a bill is due."""

import re
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum

import msgspec


class Aspect(StrEnum):
    """What an amount or a day is of."""

    PREMIUM = "premium"
    """What a policy costs each period."""
    DEDUCTIBLE = "deductible"
    """The part of a loss that the customer pays."""
    COVERAGE = "coverage"
    """What is paid at most."""
    BILL = "bill"
    """What is to be paid."""
    PAID = "paid"
    """What was paid, or when."""
    PAYMENT = "payment"
    """A payment, made or to be made."""
    LOSS = "loss"
    """What a loss came to."""
    START = "start"
    """Since when a policy insures."""
    END = "end"
    """Until when it does."""
    DUE = "due"
    """When a bill is to be paid."""
    HAPPENED = "happened"
    """When a loss was."""
    FILED = "filed"
    """When a claim was filed."""


class Said(msgspec.Struct, frozen=True):
    """An amount or a day of a text, and what it is said of; None where the text does not say."""

    value: str
    is_day: bool
    aspect: Aspect | None


KIN: Mapping[Aspect, frozenset[Aspect]] = {
    Aspect.PREMIUM: frozenset({Aspect.BILL, Aspect.PAYMENT}),
    Aspect.BILL: frozenset({Aspect.PREMIUM, Aspect.PAYMENT}),
    Aspect.PAID: frozenset({Aspect.PAYMENT}),
    Aspect.PAYMENT: frozenset({Aspect.PREMIUM, Aspect.BILL, Aspect.PAID}),
    Aspect.DUE: frozenset({Aspect.START, Aspect.END}),
}
"""What else it may be called, where nothing else is called so: a bill is the premium of a period, "overdue since"."""

_MONTHS = "January|February|March|April|May|June|July|August|September|October|November|December"
_VALUE = re.compile(rf"(?P<amount>-?\$\d[\d,]*(?:\.\d+)?)|(?P<day>\b(?:{_MONTHS}) \d{{1,2}}, \d{{4}})")
_SENTENCE_END = re.compile(r"[.;!?](?=\s|\Z)|\n")
_TOKEN = re.compile(r"\x00\d+\x00|[^\W_]+(?:['\u2019-][^\W_]+)*|[,:()]")
_PLACE = re.compile(r"\x00(\d+)\x00")
_AMOUNTS = (
    (Aspect.PREMIUM, r"premiums?|costs?|price|rate|pay|pays"),
    (Aspect.DEDUCTIBLE, r"deductibles?|excess"),
    (Aspect.COVERAGE, r"covers?|covered|coverage|limit|insured|insures|up"),
    (Aspect.BILL, r"bills?|invoices?|due|owe|owes|owed|outstanding|unpaid|overdue|balance"),
    (Aspect.PAID, r"paid"),
    (Aspect.PAYMENT, r"payments?"),
    (Aspect.LOSS, r"loss|losses|damages?|estimated"),
)
_DAYS = (
    (Aspect.START, r"from|since|starts?|started|starting|began|begins?|effective|between"),
    (Aspect.END, r"until|till|through|to|ends?|ended|ending|expires?|expired|expiry|renews?|renewal|valid"),
    (Aspect.DUE, r"due|overdue|owed"),
    (Aspect.PAID, r"paid|payments?"),
    (Aspect.HAPPENED, r"happened|happens|occurred|place|incident|loss"),
    (Aspect.FILED, r"filed|submitted|reported"),
)
_OF_AMOUNT, _OF_DAY = (
    [(aspect, re.compile(words, re.IGNORECASE)) for aspect, words in table] for table in (_AMOUNTS, _DAYS)
)
_BREAKS = frozenset({",", ":", "(", ")", "and", "but", "while", "with"})
_LISTS = frozenset({",", "and", "or", "on"})
_BREAK_COST = 2.0
_AFTER_COST = 0.5
"""Words mostly go before their value; those of the next one stand behind it."""


def values_said(text: str) -> list[Said]:
    """Return the amounts and days of a text, in order, each with the nearest words of its sentence that name it."""
    found = list(_VALUE.finditer(text))
    marked, at = "", 0
    for n, match in enumerate(found):
        marked += f"{text[at : match.start()]}\x00{n}\x00"
        at = match.end()
    said = dict[int, Said]()
    for sentence in _SENTENCE_END.split(marked + text[at:]):
        said |= _of_sentence(_TOKEN.findall(sentence), found)
    return [said[n] for n in sorted(said)]


def _of_sentence(tokens: Sequence[str], found: Sequence[re.Match[str]]) -> dict[int, Said]:
    said = dict[int, Said]()
    before: dict[bool, tuple[int, Aspect | None]] = {}
    for at, token in enumerate(tokens):
        place = _PLACE.fullmatch(token)
        if place is None:
            continue
        n = int(place[1])
        is_day = found[n]["day"] is not None
        aspect = _nearest(tokens, at, found, is_day=is_day)
        if is_day in before:
            aspect = _goes_on(tokens, before[is_day], at, aspect)
        before[is_day] = (at, aspect)
        said[n] = Said(found[n].group(), is_day, aspect)
    return said


def _goes_on(tokens: Sequence[str], first: tuple[int, Aspect | None], at: int, own: Aspect | None) -> Aspect | None:
    """Return what a value is of that follows another: the same in a list, the end of a range."""
    start, aspect = first
    between = set(tokens[start + 1 : at]) - _LISTS
    if any(_PLACE.fullmatch(token) is None for token in between):
        return own
    if between:
        return own or aspect  # "$5.00 on May 1, and $7.00 on May 31"
    if aspect is Aspect.START and start > 0 and tokens[start - 1].casefold() == "between":
        return Aspect.END
    # "on May 1, May 31 and June 30": what stands behind the list may be the next one's.
    return aspect or own


def _nearest(
    tokens: Sequence[str],
    at: int,
    found: Sequence[re.Match[str]],
    *,
    is_day: bool,
) -> Aspect | None:
    best: tuple[float, Aspect] | None = None
    for step in (-1, 1):
        cost = 0.0 if step < 0 else _AFTER_COST
        for token in _until_value(tokens, at, step, found, is_day=is_day):
            cost += _BREAK_COST if token.casefold() in _BREAKS else 1.0
            named = next((one for one, words in (_OF_DAY if is_day else _OF_AMOUNT) if words.fullmatch(token)), None)
            if named is not None and (best is None or cost < best[0]):
                best = cost, named
    return None if best is None else best[1]


def _until_value(
    tokens: Sequence[str],
    at: int,
    step: int,
    found: Sequence[re.Match[str]],
    *,
    is_day: bool,
) -> Iterator[str]:
    """Yield the words to one side of a value, up to the next one of its kind."""
    at += step
    while 0 <= at < len(tokens):
        place = _PLACE.fullmatch(tokens[at])
        if place is not None and (found[int(place[1])]["day"] is not None) is is_day:
            return
        yield tokens[at]
        at += step
