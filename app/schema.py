"""The versions of PostgreSQL's schema that this program knows."""

from pathlib import Path

from alembic.config import Config
from alembic.script import ScriptDirectory

SCRIPTS = Path(__file__).parent.parent / "alembic"


def older_versions() -> frozenset[str]:
    """Return every version before the newest; a version that is not known here is of a newer program."""
    scripts = ScriptDirectory(str(SCRIPTS))
    return frozenset(one.revision for one in scripts.walk_revisions()) - set(scripts.get_heads())


def configuration() -> Config:
    """Return what alembic needs to know."""
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    return config
