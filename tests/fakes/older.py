"""An SQLite file of the older insurance design, as its scripts made it, with whatever rows a test wants in it."""

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path

SCHEMA = """
CREATE TABLE customers (customer_id VARCHAR(20) PRIMARY KEY, first_name VARCHAR(50), last_name VARCHAR(50),
    email VARCHAR(100), phone VARCHAR(20), date_of_birth DATE, state VARCHAR(20));
CREATE TABLE policies (policy_number VARCHAR(20) PRIMARY KEY, customer_id VARCHAR(20), policy_type VARCHAR(50),
    start_date DATE, premium_amount DECIMAL(10,2), billing_frequency VARCHAR(20), status VARCHAR(20));
CREATE TABLE billing (bill_id VARCHAR(20) PRIMARY KEY, policy_number VARCHAR(20), billing_date DATE, due_date DATE,
    amount_due DECIMAL(10,2), status VARCHAR(20));
CREATE TABLE payments (payment_id VARCHAR(20) PRIMARY KEY, bill_id VARCHAR(20), payment_date DATE,
    amount DECIMAL(10,2), status VARCHAR(20));
CREATE TABLE claims (claim_id VARCHAR(20) PRIMARY KEY, policy_number VARCHAR(20), claim_date DATE,
    incident_type VARCHAR(100), estimated_loss DECIMAL(10,2), status VARCHAR(20), paid_amount DECIMAL(10,2));
"""
Rows = Mapping[str, Sequence[tuple[object, ...]]]
GOOD: Rows = {
    "customers": (
        ("CUST00001", "Ana", "Ruiz", "ana@example.com", "555-0100", "1980-02-29", "CA"),
        ("CUST00002", "J\u00fcrgen", "Wei\u00df", "jw@example.com", None, "1971-10-01", "TX"),
    ),
    "policies": (
        ("POL000004", "CUST00001", "auto", "2024-02-29", 197.88, "monthly", "active"),
        ("POL000005", "CUST00002", "Home", "03/01/2023", "$1,250.50", "Annual", "canceled"),
    ),
    "billing": (
        ("BILL1", "POL000004", "2024-03-01", "2024-03-15", 197.88, "paid"),
        ("BILL2", "POL000004", "2024-04-01", "2024-04-15 00:00:00", 197, "pending"),
    ),
    "payments": (("PAY1", "BILL1", "2024-03-10", 100.0, "done"), ("PAY2", "BILL1", "2024-03-12", 97.88, "done")),
    "claims": (
        ("CLM1", "POL000004", "2024-05-02", "collision", 3200.1, "under_review", None),
        ("CLM2", "POL000005", "2023-06-02", "hail", 900, "settled", 850),
    ),
}


def make_older(path: Path, rows: Rows = GOOD, *, schema: str = SCHEMA) -> Path:
    """Write the file and return its path."""
    with closing(sqlite3.connect(path)) as made, made:
        made.executescript(schema)
        for table, values in rows.items():
            for row in values:
                places = ", ".join("?" * len(row))
                made.execute(f"INSERT INTO {table} VALUES ({places})", row)  # noqa: S608 - a test's own names
    return path


def with_rows(**more: Sequence[tuple[object, ...]]) -> Rows:
    """Return the good rows with further ones after them."""
    return {table: (*rows, *more.get(table, ())) for table, rows in GOOD.items()}
