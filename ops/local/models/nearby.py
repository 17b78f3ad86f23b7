"""Files that are on this machine already: the user's folder, and a local Ollama's own store."""

from collections.abc import Mapping
from pathlib import Path

from ops.local.models.catalogue import File

WEIGHTS_VARIABLE = "SWITCHYARD_LOCAL_WEIGHTS"
SYSTEM_STORES = ("/usr/share/ollama/.ollama/models", "/var/lib/ollama/models", "/root/.ollama/models")


def candidates(file: File, environ: Mapping[str, str]) -> list[tuple[Path, str]]:
    """Return paths that may be `file` (its size is right; its digest is not checked) with where they were found."""
    found = [(path, f"{WEIGHTS_VARIABLE}={folder}") for folder, path in _given(file, environ)]
    for store in _stores(environ):
        # Ollama names blobs `sha256-<hex>`; before 0.1.33 it was `sha256:<hex>`.
        found += [
            (path, f"Ollama's store {store}") for sign in "-:" if (path := store / f"blobs/sha256{sign}{file.sha256}")
        ]
    return [(path, where) for path, where in found if _has_size(path, file.size_bytes)]


def _given(file: File, environ: Mapping[str, str]) -> list[tuple[str, Path]]:
    folder = environ.get(WEIGHTS_VARIABLE)
    if not folder:
        return []
    path = Path(folder).expanduser()
    if path.is_file():
        return [(folder, path)]
    return [(folder, found) for found in sorted(path.rglob("*")) if _has_size(found, file.size_bytes)]


def _stores(environ: Mapping[str, str]) -> list[Path]:
    home = Path(environ.get("HOME") or "~").expanduser()
    given = [environ["OLLAMA_MODELS"]] if environ.get("OLLAMA_MODELS") else []
    return [Path(store) for store in (*given, str(home / ".ollama/models"), *SYSTEM_STORES)]


def _has_size(path: Path, size_bytes: int) -> bool:
    try:
        return path.is_file() and path.stat().st_size == size_bytes
    except OSError:
        return False
