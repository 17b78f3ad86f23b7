"""The servers of the Qdrant contract suite: the local double always, a real one where its address is given.

SWITCHYARD_TEST_QDRANT_URL: the peers' addresses, separated by commas.
SWITCHYARD_TEST_QDRANT_API_KEY: their key, if they have one.
"""

import os
from collections.abc import Generator
from contextlib import ExitStack

import httpx
import pytest

from tests.contract.qdrant_server import Server, running_double

KEY = "contract-key"


def _targets() -> list[str]:
    return ["double", "server"] if os.environ.get("SWITCHYARD_TEST_QDRANT_URL") else ["double"]


@pytest.fixture(scope="session", params=_targets())
def qdrant_cluster(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Generator[Server]:
    """Each server that the suite is run against."""
    with ExitStack() as stack:
        client = stack.enter_context(httpx.Client(timeout=30.0))
        if request.param == "server":
            urls = tuple(url.rstrip("/") for url in os.environ["SWITCHYARD_TEST_QDRANT_URL"].split(","))
            yield Server(urls, os.environ.get("SWITCHYARD_TEST_QDRANT_API_KEY"), client)
        else:
            double = stack.enter_context(running_double(tmp_path_factory.mktemp("qdrant"), api_key=KEY))
            yield Server(double.urls, KEY, client)


@pytest.fixture
def server(qdrant_cluster: Server) -> Generator[Server]:
    """The server, without what the test made in it once the test is over."""
    yield qdrant_cluster
    qdrant_cluster.clean()
