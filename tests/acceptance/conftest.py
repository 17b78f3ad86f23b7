"""One running local stack for all acceptance tests: real models, small set, a directory with a space in its name."""

from collections.abc import Iterator

import pytest

from tests.acceptance.local import LocalStack


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """The stack: `url`, `key`, `directory`, `database_url`, `env`; runs have a lease of 2 s.

    It is started once, for the whole session, and ended by the process ids that it knows.
    """
    running = LocalStack.start(tmp_path_factory.mktemp("acceptance") / "a stack")
    try:
        yield running
    finally:
        running.end()
