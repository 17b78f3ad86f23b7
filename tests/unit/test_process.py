"""How a process ends: its status and what it says, for each thing that can end it."""

import io
import os
from collections.abc import Callable, Coroutine

import pytest

from app.agents.prompts import PromptWrong
from app.console import Console
from app.inference.catalogue import CatalogueWrong
from app.process import CannotStart, run_process
from app.settings import Settings, SettingsWrong

ENVIRON = {
    "SWITCHYARD_DATABASE_URL": "postgresql://user@127.0.0.1:1/none",
    "SWITCHYARD_CACHE_URL": "redis://127.0.0.1:1/0",
    "SWITCHYARD_COORDINATION_URL": "redis://127.0.0.1:1/0",
    "SWITCHYARD_QDRANT_URLS": "http://127.0.0.1:1",
    "SWITCHYARD_NODES_FILE": os.devnull,
    "SWITCHYARD_BLOBS_DIR": os.devnull,
}


def ending(error: BaseException | None) -> Callable[[Settings], Coroutine[object, object, None]]:
    async def work(_settings: Settings) -> None:
        if error is not None:
            raise error

    return work


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (None, 0, ""),
        (KeyboardInterrupt(), 0, ""),
        (SettingsWrong("two settings\nexclude each other"), 2, "switchyard: two settings exclude each other\n"),
        (CatalogueWrong("nodes.toml: no node"), 2, "switchyard: nodes.toml: no node\n"),
        (PromptWrong("prompts/a.md: no text"), 2, "switchyard: prompts/a.md: no text\n"),
        (CannotStart("cannot listen at a:1: taken"), 1, "switchyard: cannot listen at a:1: taken\n"),
        (PermissionError(13, "Permission denied", "/x"), 1, None),
        (LookupError("what a user wrote"), 1, "switchyard: LookupError\n"),
        (ExceptionGroup("several", [LookupError("what a user wrote")]), 1, "switchyard: ExceptionGroup\n"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else None,
)
def test_what_ends_a_process_is_one_line_and_a_status(
    error: BaseException | None, status: int, said: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    notes = io.StringIO()
    assert run_process(ending(error), ENVIRON, Console(notes)) == status
    expected = said if said is not None else "switchyard: PermissionError: [Errno 13] Permission denied: '/x'\n"
    assert notes.getvalue() == expected
    assert "what a user wrote" not in capsys.readouterr().out


def test_settings_that_cannot_be_read_end_it_before_its_work() -> None:
    notes = io.StringIO()
    assert run_process(ending(AssertionError()), {**ENVIRON, "SWITCHYARD_PROT": "1"}, Console(notes)) == 2
    assert notes.getvalue().startswith("switchyard: SWITCHYARD_PROT is not a setting")
