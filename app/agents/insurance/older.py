"""An insurer's rows out of the SQLite file of the older design: each converted, or refused with the reason."""

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import TypeVar

import msgspec

from app.agents.insurance.older_values import (
    BILL_STATES,
    BILLED,
    CLAIM_STATES,
    KINDS,
    POLICY_STATES,
    Value,
    ValueRefused,
    date_of,
    needed_text,
    text_of,
    usd_micro_of,
    word_of,
)
from app.agents.insurance.records import Bill, BillState, Book, ClaimState, Customer, LossClaim, Policy
from app.errors import BadInput

T = TypeVar("T")
R = TypeVar("R", bound=msgspec.Struct)

MOST_BYTES = 512_000_000
MOST_ROWS = 1_000_000
"""In one table."""
MOST_TOLD = 1_000
"""So many refused rows are told one by one."""
TABLES = ("customers", "policies", "billing", "claims")

NAMES: Mapping[str, tuple[str, ...]] = {
    "kind": ("policy_type", "type", "kind"),
    "state": ("status", "state"),
    "billed": ("billing_frequency", "billed", "frequency"),
    "premium": ("premium_amount", "premium"),
    "starts_on": ("start_date", "effective_date", "starts_on"),
    "ends_on": ("end_date", "expiration_date", "expiry_date", "ends_on"),
    "coverage": ("coverage_amount", "coverage_limit", "coverage", "liability_limit"),
    "deductible": ("deductible", "deductible_amount"),
    "insured": ("insured", "description", "vehicle", "insured_item"),
    "amount": ("amount_due", "amount", "bill_amount"),
    "due_on": ("due_date", "due_on"),
    "paid_on": ("paid_date", "payment_date", "paid_on"),
    "bill_id": ("bill_id", "billing_id", "id"),
    "claim_id": ("claim_id", "claim_number", "id"),
    "incident": ("incident_type", "incident", "description"),
    "happened_on": ("incident_date", "date_of_loss", "happened_on", "claim_date"),
    "filed_on": ("claim_date", "filed_date", "filed_on"),
    "loss": ("estimated_loss", "claim_amount", "loss_amount", "amount"),
    "paid": ("paid_amount", "settlement_amount", "amount_paid"),
}
"""Under which column each field may stand: versions of the older design differ."""


class RowRefused(msgspec.Struct, frozen=True):
    """A row that cannot be kept: its table, its number in it (SQLite's rowid), its key, and the field with the reason.

    The values are not repeated: what stands in rows is about people.
    """

    table: str
    row: int
    key: str
    field: str
    why: str


class Read(msgspec.Struct, frozen=True):
    """What a file holds: the rows that can be kept, and those that cannot."""

    book: Book
    refused: tuple[RowRefused, ...]


class Row:
    """A row of the older database, asked field by field."""

    def __init__(self, table: str, columns: Mapping[str, Value]) -> None:
        self.table = table
        self._columns = columns

    def get(self, field: str, read: Callable[[Value], T]) -> T:
        """Return what stands in a field. Raises _Refused where it cannot be read."""
        try:
            return read(self.find(field))
        except ValueRefused as error:
            raise _Refused(field, str(error)) from error

    def find(self, field: str) -> Value:
        """Return the first of the field's columns that holds something."""
        held = (self._columns.get(name) for name in NAMES.get(field, (field,)))
        return next((value for value in held if value not in {None, b""}), None)


class _Refused(Exception):
    def __init__(self, field: str, why: str) -> None:
        super().__init__(why)
        self.field, self.why = field, why


def read_file(path: Path) -> Read:
    """Return the rows of an SQLite file. Raises BadInput for what is no such file, lacks a table, or is too large."""
    try:
        size = path.stat().st_size
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}") from error
    if size > MOST_BYTES:
        raise BadInput(f"{path} has {size:,} bytes; at most {MOST_BYTES:,} are read")
    # What an unfinished writer left beside the file is not read: nobody should write it now.
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as older:
            older.text_factory = bytes
            older.execute("PRAGMA trusted_schema = OFF")
            return Reading(older).read()
    except sqlite3.Error as error:
        raise BadInput(f"{path} cannot be read as an SQLite database: {error}") from error


class Reading:
    """Reads one file's tables in the order in which rows name each other."""

    def __init__(self, older: sqlite3.Connection) -> None:
        self._older = older
        self._refused: list[RowRefused] = []
        self._payments: dict[str, date] = {}

    def read(self) -> Read:
        """Return all rows. Raises BadInput, and sqlite3.Error."""
        there = {
            name.decode() for (name,) in self._older.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        }
        if missing := [name for name in TABLES if name not in there]:
            raise BadInput(f"the file has no table {', '.join(missing)}")
        if "payments" in there:
            self._payments = self._paid()
        customers = self._rows("customers", "customer_id", customer_of)
        policies = self._rows("policies", "policy_number", lambda row: policy_of(row, customers))
        bills = self._rows("billing", "bill_id", lambda row: bill_of(row, policies, self._payments))
        claims = self._rows("claims", "claim_id", lambda row: claim_of(row, policies))
        book = Book(tuple(customers.values()), tuple(policies.values()), tuple(bills.values()), tuple(claims.values()))
        return Read(book, tuple(self._refused))

    def _rows(self, table: str, key: str, make: Callable[[Row], R]) -> dict[str, R]:
        made: dict[str, R] = {}
        for number, row in self._each(table):
            named = ""
            try:
                named = row.get(key, lambda value: needed_text(value, longest=20))
                if named in made:
                    raise _Refused(key, "is the key of an earlier row too")
                made[named] = make(row)
            except _Refused as refused:
                self._refused.append(RowRefused(table, number, named, refused.field, refused.why))
        return made

    def _each(self, table: str) -> Iterator[tuple[int, Row]]:
        found = self._older.execute(f'SELECT rowid, * FROM "{table}" ORDER BY rowid LIMIT {MOST_ROWS + 1}')  # noqa: S608 - one of TABLES
        columns = [str(column[0]).lower() for column in found.description]
        for count, values in enumerate(found, start=1):
            if count > MOST_ROWS:
                raise BadInput(f"the table {table} has more than {MOST_ROWS:,} rows")
            yield values[0], Row(table, dict(zip(columns[1:], values[1:], strict=True)))

    def _paid(self) -> dict[str, date]:
        """Return when each bill was paid last, by the table of payments; what it says wrongly counts for nothing."""
        paid: dict[str, date] = {}
        for _, row in self._each("payments"):
            try:
                bill = row.get("bill_id", lambda value: needed_text(value, longest=20))
                on = row.get("paid_on", date_of)
            except _Refused:
                continue
            paid[bill] = max(on, paid.get(bill, on))
        return paid


def customer_of(row: Row) -> Customer:
    """Return a customer."""
    return Customer(
        row.get("customer_id", lambda value: needed_text(value, longest=20)),
        row.get("first_name", lambda value: needed_text(value, longest=50)),
        row.get("last_name", lambda value: needed_text(value, longest=50)),
        row.get("email", lambda value: needed_text(value, longest=100)),
        row.get("phone", lambda value: text_of(value, longest=20)),
    )


def policy_of(row: Row, customers: Mapping[str, Customer]) -> Policy:
    """Return a policy; one without an end ends a year after its start, and what it does not say of money is nothing."""
    customer = row.get("customer_id", lambda value: needed_text(value, longest=20))
    if customer not in customers:
        raise _Refused("customer_id", "names no customer that is kept")
    starts_on = row.get("starts_on", date_of)
    ends_on = a_year_after(starts_on) if row.find("ends_on") is None else row.get("ends_on", date_of)
    if ends_on <= starts_on:
        raise _Refused("ends_on", "is not after the start")
    return Policy(
        row.get("policy_number", lambda value: needed_text(value, longest=20)),
        customer,
        row.get("kind", lambda value: word_of(value, KINDS)),
        row.get("state", lambda value: word_of(value, POLICY_STATES)),
        row.get("insured", lambda value: text_of(value, longest=200)),
        starts_on,
        ends_on,
        row.get("billed", lambda value: word_of(value, BILLED)),
        row.get("premium", usd_micro_of),
        _amount_or_nothing(row, "coverage"),
        _amount_or_nothing(row, "deductible"),
    )


def bill_of(row: Row, policies: Mapping[str, Policy], payments: Mapping[str, date]) -> Bill:
    """Return a bill; when it was paid may stand among the payments."""
    bill_id = row.get("bill_id", lambda value: needed_text(value, longest=20))
    policy = _policy(row, policies)
    state = row.get("state", lambda value: word_of(value, BILL_STATES))
    paid_on = None
    if state is BillState.PAID:
        paid_on = payments.get(bill_id) if row.find("paid_on") is None else row.get("paid_on", date_of)
        if paid_on is None:
            raise _Refused("paid_on", "is needed of a bill that is paid")
    return Bill(bill_id, policy, state, row.get("amount", usd_micro_of), row.get("due_on", date_of), paid_on)


def claim_of(row: Row, policies: Mapping[str, Policy]) -> LossClaim:
    """Return a claim for a loss."""
    state = row.get("state", lambda value: word_of(value, CLAIM_STATES))
    return LossClaim(
        row.get("claim_id", lambda value: needed_text(value, longest=20)),
        _policy(row, policies),
        state,
        row.get("incident", lambda value: needed_text(value, longest=500)),
        row.get("happened_on", date_of),
        row.get("filed_on", date_of),
        row.get("loss", usd_micro_of),
        row.get("paid", usd_micro_of) if state is ClaimState.PAID else None,
    )


def a_year_after(day: date) -> date:
    """Return the same day of the next year; the last of February for the 29th."""
    leaps = day.month == 2 and day.day == 29
    return day.replace(year=day.year + 1, day=28) if leaps else day.replace(year=day.year + 1)


def _policy(row: Row, policies: Mapping[str, Policy]) -> str:
    number = row.get("policy_number", lambda value: needed_text(value, longest=20))
    if number not in policies:
        raise _Refused("policy_number", "names no policy that is kept")
    return number


def _amount_or_nothing(row: Row, field: str) -> int:
    return 0 if row.find(field) is None else row.get(field, usd_micro_of)
