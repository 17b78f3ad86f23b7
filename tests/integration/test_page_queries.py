"""The SQL that pages tell operators to run is understood by PostgreSQL with our tables."""

import re

import psycopg
import pytest

from tests.ops.page_commands import Command, commands

pytestmark = pytest.mark.integration

QUERIES = [
    command
    for command in commands()
    if command.after("docker", "compose", "exec", "postgres", "psql") and not command.words[-1].startswith("\\")
]
# What the reader puts in: an id, a number.
_PLACEHOLDER = re.compile(r"\b(PID|PREFIX)\b")


def statement_of(command: Command) -> str:
    """Return the statement of a `psql -c`."""
    return command.words[command.words.index("-c") + 1]


def test_the_pages_have_such_queries() -> None:
    assert len(QUERIES) >= 2


@pytest.mark.parametrize("command", QUERIES, ids=lambda command: statement_of(command)[:60])
def test_a_query_of_a_page_runs(command: Command, postgres_url: str) -> None:
    statement = _PLACEHOLDER.sub("1", statement_of(command))
    with psycopg.connect(postgres_url) as connection:
        cursor = connection.execute(statement.encode())
        assert cursor.statusmessage is not None
        connection.rollback()
