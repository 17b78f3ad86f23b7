"""A program that a test needs and that is not here: skipped where nobody could bring it, else a failure."""

import os
from pathlib import Path

import pytest

from tests import programs


@pytest.mark.parametrize(
    ("ci", "user", "tools", "raised"),
    [
        ("1", 0, ["apt-get"], pytest.fail.Exception),
        ("", 0, ["apt-get"], pytest.skip.Exception),
        ("1", 1000, ["apt-get"], pytest.skip.Exception),
        ("1", 0, [], pytest.skip.Exception),
    ],
    ids=["in CI as root", "by hand", "not root", "no apt"],
)
def test_a_missing_program_fails_only_where_it_could_have_been_brought(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, ci: str, user: int, tools: list[str], raised: type[BaseException]
) -> None:
    monkeypatch.setenv("CI", ci)
    monkeypatch.setattr(os, "geteuid", lambda: user)
    monkeypatch.setenv("PATH", str(tmp_path))
    for tool in tools:
        (tmp_path / tool).touch(mode=0o755)
    with pytest.raises(raised, match=r"chromium is not here: run ops/browser\.sh"):
        programs.browser()
