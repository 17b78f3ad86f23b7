"""Values of an older database as the insurance tables keep them, or why they cannot be."""

import re
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import TypeVar

from app.agents.insurance.money import USD_MICRO
from app.agents.insurance.records import Billed, BillState, ClaimState, PolicyKind, PolicyState

K = TypeVar("K", bound=StrEnum)
Value = bytes | int | float | None
"""What SQLite gives: a text comes as its bytes."""

MOST_USD = 10**12
OLDEST_YEAR, NEWEST_YEAR = 1850, 2200

KINDS: Mapping[str, PolicyKind] = {
    "auto": PolicyKind.AUTO,
    "automobile": PolicyKind.AUTO,
    "car": PolicyKind.AUTO,
    "vehicle": PolicyKind.AUTO,
    "home": PolicyKind.HOME,
    "homeowners": PolicyKind.HOME,
    "house": PolicyKind.HOME,
    "renters": PolicyKind.RENTERS,
    "rental": PolicyKind.RENTERS,
    "life": PolicyKind.LIFE,
}
POLICY_STATES: Mapping[str, PolicyState] = {
    "active": PolicyState.ACTIVE,
    "in force": PolicyState.ACTIVE,
    "lapsed": PolicyState.LAPSED,
    "expired": PolicyState.LAPSED,
    "cancelled": PolicyState.CANCELLED,
    "canceled": PolicyState.CANCELLED,
}
BILLED: Mapping[str, Billed] = {
    "monthly": Billed.MONTHLY,
    "quarterly": Billed.QUARTERLY,
    "yearly": Billed.YEARLY,
    "annual": Billed.YEARLY,
    "annually": Billed.YEARLY,
}
BILL_STATES: Mapping[str, BillState] = {
    "open": BillState.OPEN,
    "pending": BillState.OPEN,
    "due": BillState.OPEN,
    "unpaid": BillState.OPEN,
    "paid": BillState.PAID,
    "overdue": BillState.OVERDUE,
    "late": BillState.OVERDUE,
    "past due": BillState.OVERDUE,
}
CLAIM_STATES: Mapping[str, ClaimState] = {
    "submitted": ClaimState.SUBMITTED,
    "open": ClaimState.SUBMITTED,
    "filed": ClaimState.SUBMITTED,
    "new": ClaimState.SUBMITTED,
    "in review": ClaimState.IN_REVIEW,
    "under review": ClaimState.IN_REVIEW,
    "processing": ClaimState.IN_REVIEW,
    "pending": ClaimState.IN_REVIEW,
    "approved": ClaimState.APPROVED,
    "denied": ClaimState.DENIED,
    "rejected": ClaimState.DENIED,
    "paid": ClaimState.PAID,
    "settled": ClaimState.PAID,
}
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_AMERICAN = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})")
_ISO = re.compile(r"(\d{4})-(\d{2})-(\d{2})(?:[T ][\d:.]+(?:Z|[+-]\d\d:?\d\d)?)?")
_MONEY = re.compile(r"-?\$?\s*(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?")


class ValueRefused(Exception):
    """A value cannot be kept; the message says why, and not what it is."""


def text_of(value: Value, *, longest: int) -> str:
    """Return a text, trimmed. Bytes are UTF-8, else what Windows wrote. Raises ValueRefused."""
    if value is None:
        return ""
    text = _decoded(value) if isinstance(value, bytes) else str(value)
    text = " ".join(text.split())
    if _CONTROL.search(text):
        raise ValueRefused("holds control characters")
    if len(text) > longest:
        raise ValueRefused(f"has {len(text)} characters; {longest} fit")
    return text


def needed_text(value: Value, *, longest: int) -> str:
    """Return a text that says something. Raises ValueRefused."""
    text = text_of(value, longest=longest)
    if not text:
        raise ValueRefused("is empty")
    return text


def _decoded(value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        try:
            return value.decode("cp1252")
        except UnicodeDecodeError as error:
            raise ValueRefused("is text in no known encoding") from error


def date_of(value: Value) -> date:
    """Return a date written as 2024-03-01, with or without a time, or as 3/1/2024. Raises ValueRefused."""
    text = needed_text(value, longest=40)
    found = _ISO.fullmatch(text)
    order = (1, 2, 3)
    if found is None:
        found, order = _AMERICAN.fullmatch(text), (3, 1, 2)
    if found is None:
        raise ValueRefused("is no date (2024-03-01 or 3/1/2024)")
    try:
        year, month, day = (int(found.group(place)) for place in order)
        made = datetime(year, month, day).date()  # noqa: DTZ001 - a date of a calendar, in no zone
    except ValueError as error:
        raise ValueRefused("is no day of the calendar") from error
    if not OLDEST_YEAR <= made.year <= NEWEST_YEAR:
        raise ValueRefused(f"is not between the years {OLDEST_YEAR} and {NEWEST_YEAR}")
    return made


def usd_micro_of(value: Value) -> int:
    """Return an amount of dollars, a number or written as $1,197.88, in micro-dollars. Raises ValueRefused."""
    text = needed_text(value, longest=40) if isinstance(value, bytes) else _number(value)
    if isinstance(value, bytes) and _MONEY.fullmatch(text) is None:
        raise ValueRefused("is no amount of dollars")
    try:
        amount = Decimal(text.replace("$", "").replace(",", "").replace(" ", ""))
    except InvalidOperation as error:
        raise ValueRefused("is no amount of dollars") from error
    if not amount.is_finite() or amount < 0:
        raise ValueRefused("is below zero, or no number")
    if amount > MOST_USD:
        raise ValueRefused(f"is more than ${MOST_USD:,}")
    return round(amount * USD_MICRO)


def _number(value: float | None) -> str:
    # The shortest decimal that reads back as the same float: 197.88 stays 197.88.
    return "" if value is None else repr(value)


def word_of(value: Value, words: Mapping[str, K]) -> K:
    """Return the member that a word stands for, whatever its case. Raises ValueRefused."""
    word = needed_text(value, longest=40).lower().replace("_", " ").replace("-", " ")
    if word not in words:
        raise ValueRefused(f"is none of {', '.join(sorted(words))}")
    return words[word]
