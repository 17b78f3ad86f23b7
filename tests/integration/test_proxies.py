"""A platform in an environment full of proxies reaches its stores and nodes all the same."""

import os
import subprocess
import sys
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
        services = (await platform.health.report()).services
        result = await answered(platform, await add_caller(platform), ask())
    assert (services.database, services.redis, services.vector_store, services.llm) == (True, True, True, True)
    assert result.message


@pytest.mark.parametrize("module", ["app.main", "app.worker", "app.cli"])
def test_every_process_starts_whatever_the_environment_says_to_others(module: str) -> None:
    proxies = dict.fromkeys([*NAMES, *(name.lower() for name in NAMES)], SOCKS)
    done = subprocess.run(  # noqa: S603 - our own modules
        [sys.executable, "-c", f"import {module}"],
        env={**os.environ, **proxies, "OLLAMA_HOST": "http://[not-an-address"},
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
