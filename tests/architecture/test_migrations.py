"""Migrations say what an older replica may still expect of the schema."""

import ast
import re

from tests.architecture.sources import ROOT

NAME = re.compile(r"\d{4}_(pre|post)_[a-z_]+")
OWN_TABLE = re.compile(r"CREATE TABLE (?:IF NOT EXISTS )?(\w+)")
INDEXED = re.compile(r"CREATE (?:UNIQUE )?INDEX (?:IF NOT EXISTS )?\w+ ON (\w+)")
TAKING = re.compile(r"\b(DROP (TABLE|COLUMN)|RENAME|SET NOT NULL)\b", re.IGNORECASE)


def test_a_migration_is_named_pre_or_post_and_follows_the_one_before() -> None:
    """`pre` runs before new code and only adds; `post` runs when no old code is left."""
    before = None
    for path in sorted((ROOT / "alembic" / "versions").glob("*.py")):
        assert NAME.fullmatch(path.stem), path.name
        said = {
            node.targets[0].id: ast.literal_eval(node.value)
            for node in ast.parse(path.read_text(encoding="utf-8")).body
            if isinstance(node, ast.Assign)
            and isinstance(node.targets[0], ast.Name)
            and node.targets[0].id.endswith("revision")
        }
        assert said["down_revision"] == before, path.name
        before = said["revision"]
        assert before[:4] == path.stem[:4], path.name


def test_a_migration_named_pre_takes_nothing_away() -> None:
    for path in sorted((ROOT / "alembic" / "versions").glob("*_pre_*.py")):
        assert not TAKING.search(path.read_text(encoding="utf-8")), path.name


def test_an_index_of_a_table_that_is_written_to_is_built_concurrently() -> None:
    """From the first migrations on that were held to it: those before have been run."""
    for path in sorted((ROOT / "alembic" / "versions").glob("*.py")):
        if path.stem >= "0025":
            text = path.read_text(encoding="utf-8")
            own = set(OWN_TABLE.findall(text))
            assert set(INDEXED.findall(text)) <= own, path.name
