"""What a library may not read in the environment."""

import os

import pytest

from app.inference.wire.environment import unread_environment


def test_variables_of_proxies_and_of_ollama_are_hidden_for_a_while_whatever_their_case(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hidden = {
        "ALL_PROXY": "socks5h://p",
        "https_proxy": "p",
        "no_proxy": "*",
        "OLLAMA_API_KEY": "k",
        "OLLAMA_HOST": "[",
    }
    for name, value in (hidden | {"PATH_OF_MINE": "kept"}).items():
        monkeypatch.setenv(name, value)
    with unread_environment():
        assert hidden.keys().isdisjoint(os.environ)
        assert os.environ["PATH_OF_MINE"] == "kept"
    assert hidden.items() <= os.environ.items()


def test_hidden_variables_come_back_after_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "p")
    with pytest.raises(ValueError, match="broken"), unread_environment():
        raise ValueError("broken")
    assert os.environ["HTTP_PROXY"] == "p"
