"""Which figures a question asks for, and what is to be done with them; none where words are the answer."""

import re
from collections.abc import Iterable, Sequence
from enum import StrEnum

import msgspec

from app.agents.finance.lines import LINES
from app.agents.finance.measures import MEASURES
from app.agents.finance.periods import Period, periods_of


class Aim(StrEnum):
    """What is done with the figures of a question."""

    VALUE = "value"
    """They are told."""
    CHANGE = "change"
    """Those of two periods are compared."""
    GROWTH = "growth"
    """The yearly growth between two is computed."""
    SHARE = "share"
    """What one is of the other."""


class Sought(msgspec.Struct, frozen=True):
    """Lines and measures by their keys, in the order in which the question names them; none where it asks for words."""

    lines: tuple[str, ...] = ()
    measures: tuple[str, ...] = ()
    aim: Aim = Aim.VALUE

    @property
    def has_figures(self) -> bool:
        """Whether figures are the answer."""
        return bool(self.lines or self.measures)

    @property
    def compares(self) -> bool:
        """Whether two periods are needed."""
        return self.aim is not Aim.VALUE

    @property
    def needed(self) -> tuple[str, ...]:
        """All lines that are read: those asked for, and those that measures are computed from."""
        of_measures = (line for name in self.measures for line in MEASURES[name].lines)
        return tuple(dict.fromkeys((*self.lines, *of_measures)))

    @property
    def is_instant(self) -> bool:
        """Whether all lines are balances of a day."""
        return self.has_figures and all(LINES[name].is_instant for name in self.needed)


def _words(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{pattern})\b", re.IGNORECASE)


_CONDITION = re.compile(r"(?:(?<=[.?!] )|\A)If [^.?!]*[.?!]?", re.IGNORECASE)
_EXPLAINS = _words(
    r"why|what drove|driver of|drivers? (?:of|behind)|drove|explain|reasons? for|because of what|describe|summari[sz]e"
)
_NAMES = _words(
    r"which(?! compan)|who|whom|where|list|name|what (?:kinds?|types?|are (?:the )?(?!total|net))"
    r"|(?:is|are|were) there any|what was the (?:largest|smallest|highest|lowest)"
)
_AMONG = re.compile(r"\s*(?:among|of)\b.*\bwhich\b", re.IGNORECASE | re.DOTALL)
_CHANGE = _words(
    r"chang\w*|gr[oe]w(?:n|th|ing)?|increas\w*|decreas\w*|declin\w*|drop\w*|improv\w*|fell|fall\w*|rise\w*|rose|reduc\w*"
    r"|compared?|differ\w*|consistent|fluctuat\w*"
    r"|(?:more|less|higher|lower|larger|smaller)\b.{1,60}\bthan|year[- ]over[- ]year|yoy|versus|vs"
)
_GROWTH = _words(
    r"cagr|compound(?:ed)? (?:annual|yearly)|(?:average )?(?:annual|yearly) growth|growth (?:per|a|each) year"
)
_TIME = _words(
    r"gr[oe]w(?:n|th|ing)?|increas\w*|decreas\w*|declin\w*|drop\w*|improv\w*|fell|fall\w*|rise\w*|rose"
    r"|chang\w*|year[- ]over[- ]year"
)
"""Says that something went from one time to another."""
_SHARE = _words(r"what (?:share|percent(?:age)?|part|proportion|fraction) of")
_OF_IT = re.compile(
    r"(?:percent(?:age)?|share|proportion|fraction|%)\s+of\s+(?:total\s+|its\s+|the\s+)?\Z", re.IGNORECASE
)


_OTHER = re.compile(
    r"\b(?:comparable|same[- ]store|deferred|unearned|organic|adjusted|non-gaap|pro ?forma|underlying)\s+(?:net\s+)?\Z",
    re.IGNORECASE,
)
"""Before the name of a line: what then is meant is no line of a statement."""
_AHEAD = _words(r"expect(?:s|ed|ing|ation|ations)?|guidance|outlook|forecast(?:s|ed|ing)?|plans?|planned")
"""Says that no statement has it yet."""


def sought_of(question: str, *, companies: int = 1) -> Sought:
    """Return the figures that a question asks for; of several `companies` it may ask which has more."""
    asked = _CONDITION.sub("", question).strip() or question
    is_among = companies > 1 or _AMONG.match(asked) is not None
    if _EXPLAINS.search(asked) or _AHEAD.search(asked) or (_NAMES.search(asked) and not is_among):
        return Sought()
    measures = _found(asked, ((name, measure.asked) for name, measure in MEASURES.items()))
    is_share = _SHARE.search(asked) is not None
    if is_share and not _has_quarter_and_year(periods_of(asked)) and not measures:
        return Sought()
    lines = _found(asked, ((name, line.asked) for name, line in LINES.items()), taken=measures, is_share=is_share)
    aim = _aim(asked, is_share=is_share and len(lines) == 1)
    # Companies are compared with each other, if their periods are not.
    is_between = companies > 1 and aim is Aim.CHANGE and not _TIME.search(asked)
    return Sought(tuple(lines), tuple(measures), Aim.VALUE if is_between else aim)


def _has_quarter_and_year(periods: Sequence[Period]) -> bool:
    years = {period.year for period in periods if not period.quarter}
    return any(period.quarter and period.year in years for period in periods)


def _aim(asked: str, *, is_share: bool) -> Aim:
    if is_share:
        return Aim.SHARE
    if _GROWTH.search(asked):
        return Aim.GROWTH
    return Aim.CHANGE if _CHANGE.search(asked) else Aim.VALUE


def _found(
    asked: str,
    names: Iterable[tuple[str, re.Pattern[str]]],
    *,
    taken: dict[str, tuple[int, int]] | None = None,
    is_share: bool = False,
) -> dict[str, tuple[int, int]]:
    """Return what of the names stands in a question and where, in its order; of two at one place the longer.

    What something else is a percentage of is not what is asked for, nor what a word before it makes another thing.
    """
    spans = [
        (match.span(), name)
        for name, pattern in names
        for match in pattern.finditer(asked)
        if not _OTHER.search(asked[: match.start()]) and (is_share or not _OF_IT.search(asked[: match.start()]))
    ]
    held = list((taken or {}).values())
    found: dict[str, tuple[int, int]] = {}
    for (start, end), name in sorted(spans, key=lambda one: one[0][0] - one[0][1]):
        if not any(start < other_end and other_start < end for other_start, other_end in held):
            held.append((start, end))
            found.setdefault(name, (start, end))
    return dict(sorted(found.items(), key=lambda one: one[1]))
