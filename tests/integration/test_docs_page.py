"""The page about the API as a person meets it: in a browser, with nothing but this server."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from tests.integration.browser_tab import Browser, Tab, open_browser
from tests.integration.http_server import Running, serve

pytestmark = pytest.mark.integration

KEY = "sy_abcdefghijkl_" + "x" * 43
DRAWN = "document.body.innerText.includes('Ask a team of agents')"
TYPED = f"""
    document.querySelector('.btn.authorize').click();
    setTimeout(() => {{
        const field = document.querySelector('.auth-container input');
        Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set.call(field, '{KEY}');
        field.dispatchEvent(new Event('input', {{bubbles: true}}));
        document.querySelector('.auth-container .btn.authorize').click();
    }}, 100);
"""
KNOWN = "Object.values(window.ui.authSelectors.authorized().toJS()).map((one) => one.value)"


@pytest.fixture
async def running() -> AsyncGenerator[Running]:
    """A server."""
    async with serve() as server:
        yield server


@pytest.fixture
async def chromium(tmp_path: Path) -> AsyncGenerator[Browser]:
    """A browser."""
    async with open_browser(tmp_path) as opened:
        yield opened


async def drawn(tab: Tab, url: str) -> None:
    """Open a page and wait until it is drawn."""
    await tab.open(url)
    await tab.until(DRAWN)


@pytest.mark.requirement("FAM-01.docs")
async def test_the_bare_address_draws_the_page_with_nothing_but_this_server(
    running: Running, chromium: Browser
) -> None:
    async with chromium.tab() as tab:
        await drawn(tab, running.url)
        assert await tab.evaluate("location.pathname") == "/docs"
        text = await tab.evaluate("document.body.innerText")
    assert "/api/v1/chat" in text
    assert "Authorize" in text


async def test_a_key_is_kept_for_the_tab_and_nowhere_else(running: Running, chromium: Browser) -> None:
    async with chromium.tab() as tab:
        await drawn(tab, f"{running.url}/docs")
        assert await tab.evaluate(KNOWN) == []
        await tab.evaluate(TYPED)
        await tab.until(f"{KNOWN}.includes('{KEY}')")
        await tab.reload()
        await tab.until(f"{DRAWN} && {KNOWN}.includes('{KEY}')")
        assert await tab.evaluate("[localStorage.length, document.cookie]") == [0, ""]
        async with chromium.tab() as other:
            await drawn(other, f"{running.url}/docs")
            assert await other.evaluate(KNOWN) == []
        await tab.evaluate(
            "window.ui.authActions.logoutWithPersistOption(Object.keys(window.ui.authSelectors.authorized().toJS()))"
        )
        await tab.reload()
        await tab.until(DRAWN)
        assert await tab.evaluate(KNOWN) == []
