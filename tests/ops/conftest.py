"""Secrets that the script of the deployment made, once for all tests that read them."""

from pathlib import Path

import pytest

from tests.ops.made_secrets import make_secrets


@pytest.fixture(scope="session")
def secrets_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of fresh secrets, as docker-compose.yml mounts them."""
    folder = tmp_path_factory.mktemp("deploy") / "secrets"
    done = make_secrets(folder)
    assert done.returncode == 0, done.stderr
    return folder
