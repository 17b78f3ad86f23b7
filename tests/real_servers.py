"""Which tests meet a real server instead of its double: those whose fixture lends what the environment names."""

import os

import pytest

from ops.requirements.promises import Server

OLLAMA, QDRANT = "SWITCHYARD_TEST_OLLAMA_HOST", "SWITCHYARD_TEST_QDRANT_URL"


def real_server(item: pytest.Item) -> Server | None:
    """Return the real server that a test is going to meet."""
    if not isinstance(item, pytest.Function):
        return None
    if os.environ.get(OLLAMA) and "ollama" in item.fixturenames:
        return Server.OLLAMA
    if os.environ.get(QDRANT) and hasattr(item, "callspec") and item.callspec.params.get("qdrant_cluster") == "server":
        return Server.QDRANT
    return None
