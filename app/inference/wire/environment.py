"""What other programs' variables say is kept from a library that reads them by itself."""

import os
from collections.abc import Generator
from contextlib import contextmanager

_PROXY = "_proxy"
_OLLAMA = "OLLAMA_"


@contextmanager
def unread_environment() -> Generator[None]:
    """Hide proxy variables and `OLLAMA_*` from what is imported or made meanwhile, by this thread alone.

    The official client makes a client in its own import (ollama/__init__.py), of every proxy in the environment and of
    OLLAMA_HOST: one that it cannot read ends the import. It sends OLLAMA_API_KEY to every server (ollama/_client.py).
    """
    names = [name for name in os.environ if name.lower().endswith(_PROXY) or name.upper().startswith(_OLLAMA)]
    hidden = {name: os.environ.pop(name) for name in names}
    try:
        yield
    finally:
        os.environ.update(hidden)
