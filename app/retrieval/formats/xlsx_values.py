"""What the cells of a workbook show: numbers, percentages, dates and times, as their number formats say."""

import math
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum

from app.retrieval.formats.xml import value_of, word_of

LAST_DAY = 2_958_465
"""9999-12-31 (ECMA-376 part 1, §18.17.4.1)."""
FALSE_DAY = 60
"""1900-02-29, which the system of 1900 counts and which never was."""
MOST_DECIMALS = 10
MOST_DIGITS = 15
DAY_S = 86_400

# Formats that every program knows by number (§18.8.30), as far as they are more than a number.
_BUILT_IN: Mapping[int, str] = {
    9: "0%",
    10: "0.00%",
    **dict.fromkeys((14, 15, 16, 17), "yyyy-mm-dd"),
    **dict.fromkeys((18, 19, 20, 21), "h:mm:ss"),
    22: "yyyy-mm-dd h:mm",
    **dict.fromkeys((45, 47), "mm:ss"),
    46: "[h]:mm:ss",
    **dict.fromkeys((*range(27, 32), 36, *range(50, 55), 57, 58), "yyyy-mm-dd"),
    **dict.fromkeys((32, 33, 34, 35, 55, 56), "h:mm:ss"),
}
_LITERAL = re.compile(r'"[^"]*"?|\\.|_.|\*.')
_ELAPSED = re.compile(r"\[[hms]+\]", re.IGNORECASE)
_BRACKETED = re.compile(r"\[[^\]]*\]?")


class Shown(StrEnum):
    """How a number is shown."""

    NUMBER = "number"
    PERCENT = "percent"
    DATE = "date"
    TIME = "time"
    MOMENT = "moment"
    DURATION = "duration"


class Styles:
    """The number formats of a workbook, taken from its styles as they come."""

    def __init__(self, *, is_1904: bool) -> None:
        self._first_day = datetime(1904, 1, 1) if is_1904 else datetime(1899, 12, 31)  # noqa: DTZ001 - as written
        self._is_1904 = is_1904
        self._codes: dict[int, str] = dict(_BUILT_IN)
        self._cells: list[int] = []
        self._is_in_cells = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        word = word_of(name)
        if word == "numFmt":
            self._codes[_number(value_of(attributes, "numFmtId"))] = value_of(attributes, "formatCode")
        elif word == "cellXfs":
            self._is_in_cells = True
        elif word == "xf" and self._is_in_cells:
            self._cells.append(_number(value_of(attributes, "numFmtId")))

    def end(self, name: str) -> None:
        if word_of(name) == "cellXfs":
            self._is_in_cells = False

    def show(self, style: str, value: str) -> str:
        """Return what a cell of that style shows for the number `value`; what is no number is shown as it is."""
        try:
            number = float(value)
        except ValueError:
            return value
        at = _number(style)
        code = self._codes.get(self._cells[at], "") if 0 <= at < len(self._cells) else ""
        shown = shown_by(code)
        if not math.isfinite(number) or (shown in {Shown.DATE, Shown.MOMENT} and not 0 <= number <= LAST_DAY):
            return value
        match shown:
            case Shown.NUMBER:
                return plain(value, number)
            case Shown.PERCENT:
                return _percent(value, _decimals(code))
            case Shown.DURATION | Shown.TIME:
                return _clock(number if shown is Shown.DURATION else number % 1)
            case Shown.DATE | Shown.MOMENT:
                return self._moment(number)

    def _moment(self, serial: float) -> str:
        """Return a day, and its time if it has one. A day of 0 is a time alone, as programs show it."""
        days, seconds = divmod(round(serial * DAY_S), DAY_S)
        if not days and not self._is_1904:
            return _clock(seconds / DAY_S)
        if days >= FALSE_DAY and not self._is_1904:
            days -= 1
        moment = self._first_day + timedelta(days=days, seconds=seconds)
        return moment.strftime("%Y-%m-%d %H:%M:%S" if seconds else "%Y-%m-%d").removesuffix(":00")


def shown_by(code: str) -> Shown:
    """Return how a number format (§18.8.31) shows a number that is not negative."""
    bare = _LITERAL.sub("", code.partition(";")[0])
    if _ELAPSED.search(bare):
        return Shown.DURATION
    letters = frozenset(_BRACKETED.sub("", bare).lower().replace("general", ""))
    has_time = bool(letters & {"h", "s"})
    if letters & {"y", "d"} or ("m" in letters and not has_time):
        return Shown.MOMENT if has_time else Shown.DATE
    if has_time:
        return Shown.TIME
    return Shown.PERCENT if "%" in letters else Shown.NUMBER


def plain(value: str, number: float) -> str:
    """Return a number as people write it: the 15 digits that programs calculate with, without a needless fraction."""
    if value.lstrip("-").isdecimal():
        return value
    shown = f"{number:.15g}"
    return value if "e" in shown else shown


def _percent(value: str, decimals: int) -> str:
    """Return a share in percent, half of the last place rounded up, as spreadsheets do."""
    exact = Decimal(value.strip()) * 100
    if exact.adjusted() > MOST_DIGITS:
        return value
    return f"{exact.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP):f}%"


def _decimals(code: str) -> int:
    fraction = code.partition(";")[0].partition(".")[2]
    return min(len(fraction) - len(fraction.lstrip("0#?")), MOST_DECIMALS)


def _clock(days: float) -> str:
    seconds = round(days * DAY_S)
    sign, seconds = ("-" if seconds < 0 else ""), abs(seconds)
    return f"{sign}{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}".removesuffix(":00")


def _number(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 10 else -1
