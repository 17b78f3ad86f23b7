"""How a question is taken apart: which companies, which filings of them, which lines, which periods. Pure."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from enum import StrEnum

import msgspec

from app.agents.finance.columns import months_back
from app.agents.finance.filings import Filing, FilingForm, forms_said, owners_said, places_said
from app.agents.finance.periods import Period, periods_of
from app.agents.finance.sought import Sought

PARTS = 4
"""A question is taken into so many parts at most, the first ones."""
YEARS_TOLD = 3
"""An annual report tells of its own year and two before it."""


class PlannedBy(StrEnum):
    """What settled whom a question is about."""

    RULE = "rule"
    """Its words, or there was no choice."""
    SESSION = "session"
    """What was asked before."""
    MODEL = "model"
    """A model, since a name stands in it that no rule knows."""
    DEFAULT = "default"
    """Nothing: all filings are searched."""


class Part(msgspec.Struct, frozen=True):
    """What one researcher looks for: in one filing, on some periods; in all filings where `filing` is None."""

    sought: str
    filing: Filing | None = None
    periods: tuple[Period, ...] = ()

    @property
    def owner(self) -> str:
        """Whose filing it is, "" for all."""
        return "" if self.filing is None else self.filing.owner


class Plan(msgspec.Struct, frozen=True):
    """The parts of a question, what of figures it asks for in each, and what settled whom it is about."""

    parts: tuple[Part, ...]
    sought: Sought
    by: PlannedBy

    @property
    def owners(self) -> tuple[str, ...]:
        """The companies of its parts, each once."""
        return tuple(dict.fromkeys(part.owner for part in self.parts if part.owner))


class Limits(msgspec.Struct, frozen=True):
    """What the caller says beside the question: nothing where empty."""

    tickers: frozenset[str] = frozenset()
    forms: frozenset[FilingForm] = frozenset()
    periods: tuple[Period, ...] = ()


_NAME = re.compile(r"(?<=[a-z,;:] )(?:[A-Z][a-z]+(?: [A-Z][a-z]+)*)(?:['\u2019]s)?")
_NO_NAME_WORDS = """
    January February March April May June July August September October November December I FY Q USA Domestic
    International United States Europe Asia Balance Sheet Income Statement Cash Flow Flows Statements
"""
_NO_NAME = frozenset(_NO_NAME_WORDS.split())
_THREE_MONTHS = re.compile(r"\b(?:three months|13 weeks|thirteen weeks|quarter) end(?:ed|ing)\b", re.IGNORECASE)
_YEARLY = re.compile(r"\b(?:years?|yearly|annual(?:ly)?|historic(?:al|ally)?)\b", re.IGNORECASE)


def owners_of(
    question: str, filings: Sequence[Filing], limits: Limits, before: Sequence[str]
) -> tuple[tuple[str, ...], PlannedBy]:
    """Return the companies that a question is about, as far as rules tell, and what settled it.

    They are those that it names, the only ones that there are, those of the question before, or the one that alone has
    filings on the periods.
    """
    within = allowed(filings, limits)
    there = tuple(dict.fromkeys(filing.owner for filing in within))
    named = owners_said(question, within)
    if named or len(there) == 1 or limits.tickers:
        return named or there[:PARTS], PlannedBy.RULE
    if unknown_names(question):
        return (), PlannedBy.DEFAULT
    if gone_on := tuple(owner for owner in before if owner in there):
        return gone_on, PlannedBy.SESSION
    periods = limits.periods or periods_of(question)
    telling = tuple(owner for owner in there if periods and _tell(within, owner, periods))
    return (telling, PlannedBy.RULE) if len(telling) == 1 else ((), PlannedBy.DEFAULT)


def _tell(filings: Iterable[Filing], owner: str, periods: Iterable[Period]) -> bool:
    """Return whether the filings of a company are on the periods themselves; of quarters and years, on the quarters."""
    wanted = {period for period in periods if period.quarter} or set(periods)
    return wanted <= {filing.period for filing in filings if filing.owner == owner}


def unknown_names(question: str) -> tuple[str, ...]:
    """Return what in a question looks like a name, where no rule knows whose: capitals within a sentence."""
    found = (re.sub(r"['\u2019]s\Z", "", match.group()) for match in _NAME.finditer(question))
    return tuple(name for name in found if not set(name.split()) <= _NO_NAME)


def allowed(filings: Iterable[Filing], limits: Limits) -> tuple[Filing, ...]:
    """Return the filings that the caller's limits leave."""
    return tuple(
        filing
        for filing in filings
        if (not limits.tickers or filing.ticker in limits.tickers or filing.owner.upper() in limits.tickers)
        and (not limits.forms or filing.form in limits.forms)
    )


def plan(
    question: str, filings: Sequence[Filing], owners: Sequence[str], sought: Sought, by: PlannedBy, limits: Limits
) -> Plan:
    """Return the parts of a question about these companies: for each, the fewest filings that tell of all periods."""
    within, parts = allowed(filings, limits), list[Part]()
    places = {owner: at for owner, at in places_said(question, within).items() if owner in owners}
    for owner in owners:
        own = [filing for filing in within if filing.owner == owner]
        forms = forms_said(question)
        own = [filing for filing in own if filing.form in forms] or own
        periods = limits.periods or _periods_for(owner, places, question, own)
        parts += _parts_of(question, [_in_calendar(filing, periods) for filing in own], periods, sought)
    if not parts:
        parts = [Part(question, periods=limits.periods or periods_of(question))]
    return Plan(tuple(parts[:PARTS]), sought, by)


def _periods_for(owner: str, places: Mapping[str, int], question: str, own: Sequence[Filing]) -> tuple[Period, ...]:
    """Return the periods that a question names for a company: those behind its name, where each has some.

    Of several companies one is not asked for periods that no filing of it tells of. Where three months are meant and no
    quarter is named, they are those of a quarterly filing.
    """
    periods = periods_of(question)
    if len(places) > 1:
        periods = _behind(owner, places, question) or periods
        told = tuple(period for period in periods if any(tells_of(filing, period) for filing in own))
        periods = told or periods
    if _THREE_MONTHS.search(question) and not any(period.quarter for period in periods):
        years = {period.year for period in periods}
        quarters = sorted(filing.period for filing in own if filing.period is not None and filing.period.quarter)
        # A fiscal year may be the one after that of its days.
        return tuple(one for one in quarters if {one.year, one.year - 1} & years)[-1:] or periods
    return periods


def _behind(owner: str, places: Mapping[str, int], question: str) -> tuple[Period, ...]:
    """Return the periods between the name of a company and the next one; none unless each has some."""
    ends = [*list(places.values())[1:], len(question)]
    said = {name: periods_of(question[at:end]) for (name, at), end in zip(places.items(), ends, strict=True)}
    return said.get(owner, ()) if all(said.values()) else ()


def _in_calendar(filing: Filing, periods: Sequence[Period]) -> Filing:
    """Return a filing with the period that its company calls it by, where the question counts its years so too."""
    own = filing.own_period
    if own is None or not periods or max(period.year for period in periods) != own.year:
        return filing
    return msgspec.structs.replace(filing, period=own)


def _parts_of(question: str, own: Sequence[Filing], periods: Sequence[Period], sought: Sought) -> list[Part]:
    wanted = _wanted(question, own, periods, sought)
    parts, left = list[Part](), list(wanted)
    while left:
        told = {filing: _told(filing, left, is_instant=sought.is_instant) for filing in own}
        best = max(own, key=lambda filing: (len(told[filing]), _nearness(filing, left[0])), default=None)
        if best is None:
            break
        taken = told[best] or tuple(left)
        parts.append(Part(question, best, taken))
        left = [period for period in left if period not in taken]
    newest = _newest(question, own)
    return parts or ([] if newest is None else [Part(question, newest)])


def _wanted(question: str, own: Sequence[Filing], periods: Sequence[Period], sought: Sought) -> tuple[Period, ...]:
    """Return the periods that are asked for; where figures are and none is named, those of the newest filing."""
    newest = _newest(question, [filing for filing in own if filing.period is not None])
    if not sought.has_figures or newest is None or newest.period is None:
        return tuple(periods)
    found = tuple(periods) or (newest.period,)
    if sought.compares and len(found) == 1:
        return (*found, Period(found[0].year - 1, found[0].quarter))
    return found


def _newest(question: str, own: Sequence[Filing]) -> Filing | None:
    """Return the newest filing, of annual ones where the question speaks of years."""
    annual = [filing for filing in own if filing.form is FilingForm.ANNUAL] if _YEARLY.search(question) else []
    return max(annual or own, key=_age, default=None)


def _told(filing: Filing, periods: Collection[Period], *, is_instant: bool) -> tuple[Period, ...]:
    """Return which of the periods a filing tells of."""
    return tuple(period for period in periods if tells_of(filing, period, is_instant=is_instant))


def tells_of(filing: Filing, period: Period, *, is_instant: bool = False) -> bool:
    """Return whether a filing has figures of a period; its columns say which it has in the end."""
    if filing.period is None:
        return False
    back = months_back(period, filing.period, is_instant=is_instant)
    if back is None:
        return False
    return filing.period.year - period.year < (YEARS_TOLD if not filing.period.quarter else 2)


def _nearness(filing: Filing, period: Period) -> tuple[object, ...]:
    """Order filings that tell of as many periods: that of the period itself, annual ones, the nearest."""
    own = filing.period or Period(0)
    return own == period, filing.form is FilingForm.ANNUAL, -abs(own.year - period.year), own


def _age(filing: Filing) -> tuple[object, ...]:
    return (filing.period or Period(0)).year, filing.form is FilingForm.ANNUAL, filing.period or Period(0)
