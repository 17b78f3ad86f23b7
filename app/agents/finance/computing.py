"""What is computed from the figures of a part, as expressions for the calculator, and what the results say. Pure."""

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal

import msgspec

from app.agents.finance.arithmetic import Worked, percent, plain
from app.agents.finance.facts import Fact
from app.agents.finance.figures import STATEMENT_CHARACTERS, Figure
from app.agents.finance.line import Statement
from app.agents.finance.lines import LINES
from app.agents.finance.measures import MEASURES, Measure
from app.agents.finance.periods import Period
from app.agents.finance.sought import Aim, Sought

Figures = Mapping[tuple[str, Period], Figure]
_LINE = re.compile(r"\{(\w+)\}")
HUNDRED = Decimal(100)
BENEFIT = "Income tax benefit"
"""What a tax is called that comes back."""


class Sum(msgspec.Struct, frozen=True):
    """Something to be computed: of which company, what, by which expression, from which figures.

    `periods` are the one that a measure is of, or the earlier and the later of a comparison.
    """

    company: str
    name: str
    expression: str
    aim: Aim
    periods: tuple[Period, ...]
    figures: tuple[Figure, ...]
    is_percent: bool = False
    is_part: bool = True


def sums_of(company: str, sought: Sought, periods: Sequence[Period], figures: Figures) -> tuple[Sum, ...]:
    """Return what is to be computed: each measure for each period, and what the aim says of each line.

    What lacks a figure, or mixes scales, is left out.
    """
    measured = [one for name in sought.measures for one in _measured(company, name, sorted(periods), figures)]
    compared = [one for name in sought.lines if (one := _compared(company, name, sought.aim, periods, figures))]
    return (*measured, *compared)


def _measured(company: str, name: str, periods: Sequence[Period], figures: Figures) -> Sequence[Sum]:
    """Return a measure for each period, all by one formula: the first of those for which most figures are there."""
    measure = MEASURES[name]
    ways = [
        [one for period in periods if (one := _by(formula, company, measure, period, figures))]
        for formula in measure.formulas
    ]
    return max(ways, key=len)


def _by(formula: str, company: str, measure: Measure, period: Period, figures: Figures) -> Sum | None:
    lines = tuple(dict.fromkeys(_LINE.findall(formula)))
    used = tuple(figures[(line, period)] for line in lines if (line, period) in figures)
    if len(used) < len(lines) or not _is_of_one_scale(used) or not _is_of_one_place(used):
        return None
    told = {figure.line: _operand(figure.value) for figure in used}
    expression = _LINE.sub(lambda match: told[match[1]], formula)
    return Sum(company, measure.name, expression, Aim.VALUE, (period,), used, measure.is_percent, measure.is_part)


def _compared(company: str, name: str, aim: Aim, periods: Sequence[Period], figures: Figures) -> Sum | None:
    told = sorted(
        (figure for (line, period), figure in figures.items() if line == name and period in periods), key=_when
    )
    if aim is Aim.VALUE or len(told) < 2 or not _is_of_one_scale((told[0], told[-1])):
        return None
    old, new = told[0], told[-1]
    if aim is Aim.SHARE:
        # A quarter sorts after its year; what is asked for is what the quarter is of the year.
        old, new = sorted((old, new), key=lambda one: bool(one.period.quarter))
        return _pair(company, name, f"{_operand(new.value)} / {_operand(old.value)}", aim, old, new)
    if old.is_percent or old.value <= 0:
        return _pair(company, name, f"{_operand(new.value)} - {_operand(old.value)}", aim, old, new)
    if aim is Aim.GROWTH and new.value > 0 and new.period.year > old.period.year:
        years = new.period.year - old.period.year
        return _pair(company, name, f"growth({old.value}, {new.value}, {years})", aim, old, new)
    return _pair(company, name, f"change({_operand(old.value)}, {_operand(new.value)})", aim, old, new)


def _pair(company: str, name: str, expression: str, aim: Aim, old: Figure, new: Figure) -> Sum:
    periods = (old.period, new.period)
    return Sum(company, LINES[name].name, expression, aim, periods, (old, new), is_percent=old.is_percent)


def _when(figure: Figure) -> tuple[int, int]:
    return figure.period.year, figure.period.quarter


def _is_of_one_scale(figures: Sequence[Figure]) -> bool:
    """Whether numbers compare: of one scale, and where none is said, of one table."""
    scales = {figure.scale for figure in figures}
    return len(scales) == 1 and (scales != {""} or len({figure.passage for figure in figures}) == 1)


def _is_of_one_place(figures: Sequence[Figure]) -> bool:
    """Whether lines of one statement stand in one, and not one in a subsidiary's, or in what a note has of another."""
    places = [(LINES[figure.line].statement, figure.offset) for figure in figures]
    return all(
        abs(one - other) <= STATEMENT_CHARACTERS
        for statement, one in places
        for its, other in places
        if its is statement and statement in (Statement.BALANCE, Statement.INCOME)
    )


def _operand(value: Decimal) -> str:
    return f"({value})" if value < 0 else str(value)


def is_likely(one: Sum, worked: Worked) -> bool:
    """Whether a result can be: what is left of a whole, or is a part of it, is not more than all of it.

    Else it is made of figures that do not belong together. A loss may well be more than all that came in.
    """
    if one.aim is Aim.VALUE:
        return not (one.is_percent and one.is_part) or worked.value <= 1
    return one.aim is not Aim.SHARE or abs(worked.value) <= 1


def told_facts(company: str, sought: Sought, figures: Figures) -> tuple[Fact, ...]:
    """Return the figures that are asked for themselves, each as a sentence."""
    told = sorted(
        (key for key in figures if key[0] in sought.lines), key=lambda key: (sought.lines.index(key[0]), key[1])
    )
    return tuple(_told(company, figures[key]) for key in told)


def _told(company: str, figure: Figure) -> Fact:
    name = BENEFIT if figure.line == "income_tax" and figure.value < 0 else LINES[figure.line].name
    text = f"{name} of {company} in {figure.period} ({figure.column}): {figure.told}."
    # Without its unit a number of millions is another number, and so is a loss that is told as a gain.
    kept = (*re.findall(r"\d[\d,.]*", figure.said), *figure.unit)
    return Fact(text, kept, (figure,), is_loss=figure.value < 0)


def worked_fact(one: Sum, worked: Worked) -> Fact:
    """Return what a result says, with its steps."""
    steps = "; ".join(worked.steps)
    match one.aim:
        case Aim.VALUE:
            result = percent(worked.value) if one.is_percent else plain(worked.value)
            if one.is_percent and worked.steps:
                steps = "; ".join((*worked.steps[:-1], f"{worked.steps[-1].rpartition('=')[0]}= {result}"))
            text = f"{one.name} of {one.company} in {one.periods[0]}: {result} ({steps})."
            kept = (result.removesuffix(" %").lstrip("\u2212"),)
            return Fact(text, kept, one.figures, is_loss=worked.value < 0)
        case Aim.SHARE:
            result = percent(worked.value)
            text = f"{one.name} of {one.company}: {one.periods[1]} is {result} of {one.periods[0]} ({steps})."
            return Fact(text, (result.removesuffix(" %"),), one.figures)
        case Aim.CHANGE | Aim.GROWTH:
            return _changed(one, worked, steps)


def _changed(one: Sum, worked: Worked, steps: str) -> Fact:
    old, new = one.periods
    way = "rose" if worked.value > 0 else "declined" if worked.value < 0 else "did not change"
    size = abs(worked.value)
    amount = (
        percent(size) if worked.is_percent else f"{plain(size)} percentage points" if one.is_percent else plain(size)
    )
    by = f" by {amount}" if worked.value else ""
    each = " a year" if one.aim is Aim.GROWTH and worked.is_percent else ""
    text = f"{one.name} of {one.company} {way}{by}{each} from {old} to {new} ({steps})."
    return Fact(text, (way, amount.split(" ")[0]) if worked.value else (way,), one.figures)


def measure_changes(facts: Sequence[tuple[Sum, Worked]]) -> tuple[Fact, ...]:
    """Return how measures went from the first of their periods to the last."""
    told: list[Fact] = []
    names = dict.fromkeys((one.company, one.name) for one, _ in facts if one.aim is Aim.VALUE)
    for company, name in names:
        own = sorted(
            ((one, worked) for one, worked in facts if (one.company, one.name) == (company, name)),
            key=lambda pair: pair[0].periods[0],
        )
        if len(own) > 1:
            told.append(_went(own[0], own[-1]))
    return tuple(told)


def _went(first: tuple[Sum, Worked], last: tuple[Sum, Worked]) -> Fact:
    (old, was), (new, became) = first, last
    change = became.value - was.value
    way = "rose" if change > 0 else "declined" if change < 0 else "did not change"
    size = f"{plain(abs(change) * HUNDRED)} percentage points" if old.is_percent else plain(abs(change))
    by = f" by {size}" if change else ""
    text = f"{new.name} of {new.company} {way}{by} from {old.periods[0]} to {new.periods[0]}."
    return Fact(text, (way,), (*old.figures, *new.figures))


def highest(facts: Sequence[tuple[Sum, Worked]], told: Sequence[Figure], names: Mapping[str, str]) -> tuple[Fact, ...]:
    """Return which company is ahead in a measure or a line that was found for several, in one period.

    `names` are the companies of documents.
    """
    found: dict[tuple[str, Period], list[tuple[Decimal, str, tuple[Figure, ...]]]] = {}
    for one, worked in facts:
        if one.aim is Aim.VALUE:
            found.setdefault((one.name, one.periods[0]), []).append((worked.value, one.company, one.figures))
    for figure in told:
        if figure.scale or not LINES[figure.line].is_scaled:
            key = (LINES[figure.line].name, figure.period)
            found.setdefault(key, []).append((_in_full(figure), names[figure.document], (figure,)))
    return tuple(
        _ahead(name, period, sorted(offers, key=lambda offer: offer[0], reverse=True))
        for (name, period), offers in found.items()
        if len({company for _, company, _ in offers}) > 1
    )


def _ahead(name: str, period: Period, offers: Sequence[tuple[Decimal, str, tuple[Figure, ...]]]) -> Fact:
    (_, company, figures), *_ = offers
    text = f"The highest {name[0].lower()}{name[1:]} in {period} is that of {company}."
    return Fact(text, (company,), figures)


def _in_full(figure: Figure) -> Decimal:
    powers = {"thousand": 3, "million": 6, "billion": 9}
    return figure.value.scaleb(powers.get(figure.scale, 0) if LINES[figure.line].is_scaled else 0)
