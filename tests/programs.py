"""Programs of other projects that some tests need, and what it means when one is not here."""

import os
import shutil
from typing import NoReturn

import pytest

BROWSER_FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
"""A browser that asks nothing of anybody but the page's server; its `--user-data-dir` is an empty folder."""


def could_be_had() -> bool:
    """Whether the continuous integration runs here and may install what it lacks: then nothing is skipped."""
    return bool(os.environ.get("CI")) and os.geteuid() == 0 and shutil.which("apt-get") is not None


def missing(name: str, remedy: str) -> NoReturn:
    """Skip the test, or fail it where the program could have been brought."""
    told = f"{name} is not here: {remedy}"
    if could_be_had():
        pytest.fail(f"{told}. CI runs as root and has apt-get, so this is no reason to skip", pytrace=False)
    pytest.skip(told)


def browser() -> str:
    """Return where chromium is."""
    found = shutil.which("chromium")
    return found or missing("chromium", "run ops/browser.sh as root")
