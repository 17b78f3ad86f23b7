"""Rows of an older SQLite database: converted where they can be, else refused with a reason and no value."""

import sqlite3
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest

from app.agents.insurance import older
from app.agents.insurance.older import a_year_after, read_file
from app.agents.insurance.older_values import ValueRefused, date_of, text_of, usd_micro_of
from app.agents.insurance.records import (
    Bill,
    Billed,
    BillState,
    Book,
    ClaimState,
    Customer,
    LossClaim,
    Policy,
    PolicyKind,
    PolicyState,
)
from app.errors import BadInput
from tests.fakes.older import SCHEMA, make_older, with_rows

BOOK = Book(
    (
        Customer("CUST00001", "Ana", "Ruiz", "ana@example.com", "555-0100"),
        Customer("CUST00002", "J\u00fcrgen", "Wei\u00df", "jw@example.com", ""),
    ),
    (
        Policy(
            "POL000004", "CUST00001", PolicyKind.AUTO, PolicyState.ACTIVE, "", date(2024, 2, 29), date(2025, 2, 28),
            Billed.MONTHLY, 197_880_000, 0, 0,
        ),
        Policy(
            "POL000005", "CUST00002", PolicyKind.HOME, PolicyState.CANCELLED, "", date(2023, 3, 1), date(2024, 3, 1),
            Billed.YEARLY, 1_250_500_000, 0, 0,
        ),
    ),
    (
        Bill("BILL1", "POL000004", BillState.PAID, 197_880_000, date(2024, 3, 15), date(2024, 3, 12)),
        Bill("BILL2", "POL000004", BillState.OPEN, 197_000_000, date(2024, 4, 15)),
    ),
    (
        LossClaim(
            "CLM1", "POL000004", ClaimState.IN_REVIEW, "collision", date(2024, 5, 2), date(2024, 5, 2), 3_200_100_000
        ),
        LossClaim(
            "CLM2", "POL000005", ClaimState.PAID, "hail", date(2023, 6, 2), date(2023, 6, 2), 900_000_000, 850_000_000
        ),
    ),
)  # fmt: skip


@pytest.mark.requirement("INS-34.converts")
def test_every_row_is_converted(tmp_path: Path) -> None:
    read = read_file(make_older(tmp_path / "old.sqlite"))
    assert read.refused == ()
    assert read.book == BOOK


BAD = with_rows(
    customers=(
        ("CUST00003", "", "Nobody", "n@example.com", "", None, None),
        ("CUST00004", "Long", "x" * 51, "l@example.com", "", None, None),
        (None, "No", "Key", "k@example.com", "", None, None),
        ("CUST00006", "Nul", "a\x00b", "k@example.com", "", None, None),
    ),
    policies=(
        ("POL1", "CUST00003", "auto", "2024-01-01", 10, "monthly", "active"),
        ("POL2", "CUST00001", "boat", "2024-01-01", 10, "monthly", "active"),
        ("POL3", "CUST00001", "auto", "2024-02-30", 10, "monthly", "active"),
        ("POL4", "CUST00001", "auto", "soon", 10, "monthly", "active"),
        ("POL5", "CUST00001", "auto", "2024-01-01", "ten", "monthly", "active"),
        ("POL6", "CUST00001", "auto", "2024-01-01", -1, "monthly", "active"),
        ("POL7", "CUST00001", "auto", "2024-01-01", 10, "daily", "active"),
        ("POL8", "CUST00001", "auto", "2024-01-01", 1e300, "monthly", "active"),
    ),
    billing=(
        ("BILL3", "POL000004", None, "2024-04-15", 1, "paid"),
        ("BILL4", "POL2", None, "2024-04-15", 1, "pending"),
    ),
    claims=(("CLM3", "POL000005", "2023-06-02", "hail", 900, "settled", None),),
)
REFUSED = [
    ("customers", 3, "CUST00003", "first_name"),
    ("customers", 4, "CUST00004", "last_name"),
    ("customers", 5, "", "customer_id"),
    ("customers", 6, "CUST00006", "last_name"),
    ("policies", 3, "POL1", "customer_id"),
    ("policies", 4, "POL2", "kind"),
    ("policies", 5, "POL3", "starts_on"),
    ("policies", 6, "POL4", "starts_on"),
    ("policies", 7, "POL5", "premium"),
    ("policies", 8, "POL6", "premium"),
    ("policies", 9, "POL7", "billed"),
    ("policies", 10, "POL8", "premium"),
    ("billing", 3, "BILL3", "paid_on"),
    ("billing", 4, "BILL4", "policy_number"),
    ("claims", 3, "CLM3", "paid"),
]


@pytest.mark.requirement("INS-34.converts")
def test_each_bad_row_is_refused_by_its_place_and_field_and_the_others_are_kept(tmp_path: Path) -> None:
    read = read_file(make_older(tmp_path / "old.sqlite", BAD))
    assert [(one.table, one.row, one.key, one.field) for one in read.refused] == REFUSED
    assert read.book == BOOK
    assert not any("boat" in one.why or "ten" in one.why.split() for one in read.refused)


def test_text_that_windows_wrote_is_read_and_other_bytes_are_refused(tmp_path: Path) -> None:
    path = make_older(tmp_path / "old.sqlite")
    with closing(sqlite3.connect(path)) as made, made:
        made.execute("UPDATE customers SET last_name = CAST(? AS TEXT) WHERE customer_id = 'CUST00002'", (b"Wei\xdf",))
    assert read_file(path).book.customers[1].last_name == "Wei\u00df"
    with pytest.raises(ValueRefused, match="no known encoding"):
        text_of(b"\x81\x9d", longest=50)


def test_a_file_without_a_table_is_refused_whole(tmp_path: Path) -> None:
    schema = SCHEMA.partition("CREATE TABLE claims")[0]
    with pytest.raises(BadInput, match="no table claims"):
        read_file(make_older(tmp_path / "old.sqlite", {}, schema=schema))


VIEW = "CREATE VIEW claims AS SELECT claim_id FROM other;"


def test_a_view_is_no_table(tmp_path: Path) -> None:
    schema = SCHEMA.replace("TABLE claims", "TABLE other") + VIEW
    with pytest.raises(BadInput, match="no table claims"):
        read_file(make_older(tmp_path / "old.sqlite", {}, schema=schema))


@pytest.mark.parametrize("content", [b"", b"no database at all, only words" * 100])
def test_a_file_that_is_no_database_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "old.sqlite"
    path.write_bytes(content)
    with pytest.raises(BadInput):
        read_file(path)
    with pytest.raises(BadInput, match="cannot be read"):
        read_file(tmp_path / "none.sqlite")


def test_a_file_or_a_table_that_is_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make_older(tmp_path / "old.sqlite")
    monkeypatch.setattr(older, "MOST_ROWS", 1)
    with pytest.raises(BadInput, match="more than 1 rows"):
        read_file(path)
    monkeypatch.setattr(older, "MOST_BYTES", 100)
    with pytest.raises(BadInput, match="at most 100"):
        read_file(path)


def test_amounts_are_exact_and_dates_are_of_the_calendar() -> None:
    assert [usd_micro_of(value) for value in (197.88, 0.1, 3, b"$1,197.88", b"12.5")] == [
        197_880_000, 100_000, 3_000_000, 1_197_880_000, 12_500_000,
    ]  # fmt: skip
    for wrong in (b"1,19.88", b"1e5", float("inf"), b"", None, b"12.5 USD"):
        with pytest.raises(ValueRefused):
            usd_micro_of(wrong)
    assert date_of(b"12/31/2024") == date_of(b"2024-12-31T23:59:59Z") == date(2024, 12, 31)
    for wrong in (b"31/12/2024", b"0001-01-01", 20241231, b"2024-1-1"):
        with pytest.raises(ValueRefused):
            date_of(wrong)
    assert a_year_after(date(2023, 6, 1)) == date(2024, 6, 1)
