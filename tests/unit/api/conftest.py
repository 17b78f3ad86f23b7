"""The application over a fake platform."""

import pytest

from app.api.app import create_app
from tests.fakes.asgi import Client
from tests.fakes.platform import KEY_A, KEY_B, FakePlatform


@pytest.fixture
def platform() -> FakePlatform:
    """A platform without servers."""
    return FakePlatform()


@pytest.fixture
def client(platform: FakePlatform) -> Client:
    """A client with tenant A's key."""
    return Client(create_app(platform), KEY_A)


@pytest.fixture
def other(platform: FakePlatform) -> Client:
    """A client with tenant B's key."""
    return Client(create_app(platform), KEY_B)


@pytest.fixture
def stranger(platform: FakePlatform) -> Client:
    """A client without a key."""
    return Client(create_app(platform))
