"""The versions of PostgreSQL's schema that this program knows."""

from collections.abc import Collection
from pathlib import Path

from alembic.config import Config
from alembic.script import ScriptDirectory

SCRIPTS = Path(__file__).parent.parent / "alembic"


def older_versions() -> frozenset[str]:
    """Return every version before the newest; a version that is not known here is of a newer program."""
    scripts = ScriptDirectory(str(SCRIPTS))
    return frozenset(one.revision for one in scripts.walk_revisions()) - set(scripts.get_heads())


def newest_version() -> str:
    """Return the version that `switchyard migrate` brings a database to."""
    return str(ScriptDirectory(str(SCRIPTS)).get_current_head())


def unknown_versions(found: Collection[str]) -> frozenset[str]:
    """Return which of the versions that a database says it has are a newer program's."""
    scripts = ScriptDirectory(str(SCRIPTS))
    return frozenset(found) - {one.revision for one in scripts.walk_revisions()}


def configuration() -> Config:
    """Return what alembic needs to know."""
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    return config
