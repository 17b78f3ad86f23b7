"""Layouts whose ports cost no socket, and small models."""

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest

from ops.local.layout import Layout, Outside
from ops.local.models.catalogue import Size
from ops.local.ports import Ports
from ops.local.secrets_file import Secrets


@pytest.fixture
def make_layout(tmp_path: Path) -> Callable[..., Layout]:
    """Return a function that makes a layout in a directory with a space in its name; ports count up from 20001."""

    def make(*, outside: Outside | None = None, size: Size = Size.ALL, environ: dict[str, str] | None = None) -> Layout:
        directory = tmp_path / "a stack"
        directory.mkdir(exist_ok=True)
        numbers = itertools.count(20001)
        ports = Ports(directory / "ports.json", is_free=lambda _: True, find_free=lambda: next(numbers))
        secrets = Secrets(database="db-secret", valkey="valkey-secret", qdrant="qdrant-secret")
        return Layout(directory, ports, secrets, environ or {}, outside=outside or Outside(), size=size)

    return make
