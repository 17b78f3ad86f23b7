"""What the user chose, by flags and variables: directory, size, outside servers."""

from collections.abc import Mapping
from pathlib import Path

from app.telemetry.masking import Mask
from app.telemetry.secrets import find_secrets
from ops.local.layout import SECRETS, Layout, Outside
from ops.local.models.catalogue import Size
from ops.local.parts.probes import http_ok
from ops.local.problems import LocalProblem
from ops.local.process import REPOSITORY
from ops.local.secrets_file import find_secrets_of

OURS = "SWITCHYARD_"
PREFIX = f"{OURS}LOCAL_"
FIRST_CHOICE_PORT = 8080
OLLAMA_PORT = 11434
QDRANT_PORT = 6333


def directory_from(environ: Mapping[str, str]) -> Path:
    """Return the stack's directory: SWITCHYARD_LOCAL_DIR, or `.local` in the clone."""
    return Path(environ.get(f"{PREFIX}DIR") or REPOSITORY / ".local").expanduser()


def mask_from(environ: Mapping[str, str]) -> Mask:
    """Return the mask of the secrets that variables give, and of the passwords of the stack's own parts."""
    found = find_secrets(environ, OURS)
    found.secrets |= find_secrets_of(directory_from(environ) / SECRETS)
    return found.mask()


def layout_from(environ: Mapping[str, str], *, is_system: bool) -> Layout:
    """Return the layout that the environment asks for; `is_system` prefers servers and programs of this machine.

    Raises LocalProblem when a variable makes no sense.
    """
    return Layout.open(
        directory_from(environ),
        environ,
        outside=outside_from(environ, is_system=is_system),
        is_system=is_system,
        size=size_from(environ),
        port=_port(environ),
    )


def outside_from(environ: Mapping[str, str], *, is_system: bool) -> Outside:
    """Return the outside servers: those named by variables, and with `is_system` those at their usual address."""
    ollama = _addresses(environ, "OLLAMA_HOST")
    qdrant = _addresses(environ, "QDRANT_URL")
    if is_system and ollama is None and http_ok(OLLAMA_PORT, "/api/version"):
        ollama = (f"http://127.0.0.1:{OLLAMA_PORT}",)
    if is_system and qdrant is None and http_ok(QDRANT_PORT, "/readyz"):
        qdrant = (f"http://127.0.0.1:{QDRANT_PORT}",)
    return Outside(
        ollama_hosts=ollama,
        qdrant_urls=qdrant,
        # Never guessed: what the stack finds in a database it takes for its own.
        database_url=environ.get(f"{PREFIX}DATABASE_URL") or None,
        cache_url=environ.get(f"{PREFIX}CACHE_URL") or None,
        coordination_url=environ.get(f"{PREFIX}COORDINATION_URL") or None,
    )


def size_from(environ: Mapping[str, str]) -> Size:
    """Return the set of models that the variable `MODELS` asks for: `small`, or `all` when it is unset.

    Raises LocalProblem for another word.
    """
    word = environ.get("MODELS") or Size.ALL
    try:
        return Size(word)
    except ValueError as error:
        raise LocalProblem(f"MODELS={word}: say small or all") from error


def _addresses(environ: Mapping[str, str], name: str) -> tuple[str, ...] | None:
    given = [item.strip().rstrip("/") for item in environ.get(f"{PREFIX}{name}", "").split(",") if item.strip()]
    return tuple(item if "://" in item else f"http://{item}" for item in given) or None


def _port(environ: Mapping[str, str]) -> int:
    word = environ.get(f"{PREFIX}PORT") or str(FIRST_CHOICE_PORT)
    if not word.isdecimal() or not 0 < int(word) < 65536:
        raise LocalProblem(f"{PREFIX}PORT={word}: say a port number")
    return int(word)
