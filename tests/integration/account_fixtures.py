"""Accounts on the shared database, each test with a tenant of its own."""

import io
from collections.abc import AsyncGenerator
from uuid import uuid4

import pytest
from prometheus_client import CollectorRegistry

from app.cli import build_parser, run
from app.console import Console
from app.postgres import Database, make_pool
from app.telemetry.metrics import Metrics


@pytest.fixture
async def database(postgres_url: str) -> AsyncGenerator[Database]:
    """A pool on the shared database."""
    pool = make_pool(postgres_url, size=4, wait_s=2.0)
    await pool.open()
    yield Database(pool, Metrics(CollectorRegistry()))
    await pool.close()


@pytest.fixture
def name() -> str:
    """A tenant's name that no other test uses."""
    return f"t-{uuid4().hex[:12]}"


def command(postgres_url: str, *arguments: str) -> tuple[int, str, str]:
    """Run `switchyard`; return its status, output and notes."""
    out, notes = io.StringIO(), io.StringIO()
    given = build_parser().parse_args(arguments)
    status = run(given, {"SWITCHYARD_DATABASE_URL": postgres_url}, Console(out), Console(notes))
    return status, out.getvalue(), notes.getvalue()
