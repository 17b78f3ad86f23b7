"""The application over a fake platform."""

from collections.abc import Generator, MutableMapping
from typing import Any

import pytest
import structlog
from litestar import Litestar

from app.api.app import create_app
from tests.fakes.asgi import Client
from tests.fakes.platform import KEY_A, KEY_B, KEY_OPERATE, FakePlatform


@pytest.fixture(autouse=True)
def logged() -> Generator[list[MutableMapping[str, Any]]]:
    """What was logged."""
    with structlog.testing.capture_logs(processors=[structlog.contextvars.merge_contextvars]) as entries:
        yield entries


@pytest.fixture(scope="session")
def shared_platform() -> FakePlatform:
    """The platform of all tests; use `platform`."""
    return FakePlatform()


@pytest.fixture(scope="session")
def app(shared_platform: FakePlatform) -> Litestar:
    """The application of all tests."""
    return create_app(shared_platform)


@pytest.fixture
def platform(shared_platform: FakePlatform) -> FakePlatform:
    """A platform without servers, as new."""
    shared_platform.reset()
    return shared_platform


@pytest.fixture
def client(app: Litestar, platform: FakePlatform) -> Client:
    """A client with tenant A's key."""
    del platform
    return Client(app, KEY_A)


@pytest.fixture
def other(app: Litestar) -> Client:
    """A client with tenant B's key."""
    return Client(app, KEY_B)


@pytest.fixture
def operator(app: Litestar, platform: FakePlatform) -> Client:
    """A client of tenant A's whose key may operate."""
    del platform
    return Client(app, KEY_OPERATE)


@pytest.fixture
def stranger(app: Litestar, platform: FakePlatform) -> Client:
    """A client without a key."""
    del platform
    return Client(app)
