"""A platform in an environment full of proxies reaches its stores and nodes all the same."""

from pathlib import Path

import pytest

from tests.fakes.node import FakeNode
from tests.integration.platforms import Servers, add_caller, answered, ask, opened, settings_for

# Port 9 of this machine: nothing listens there. httpx cannot even be made for the other without a package of its own.
DEAD, SOCKS = "http://127.0.0.1:9", "socks5h://127.0.0.1:9"
NAMES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "WS_PROXY", "FTP_PROXY")


@pytest.mark.parametrize("proxy", [DEAD, SOCKS])
async def test_a_question_is_answered_whatever_proxies_the_environment_names(
    servers: Servers, node: FakeNode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    for name in NAMES:
        monkeypatch.setenv(name, proxy)
        monkeypatch.setenv(name.lower(), proxy)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password c4nary\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    async with opened(settings_for(servers, node)) as (platform,):
        services = await platform.health.services()
        result = await answered(platform, await add_caller(platform), ask())
    assert (services.database, services.redis, services.vector_store, services.llm) == (True, True, True, True)
    assert result.message
