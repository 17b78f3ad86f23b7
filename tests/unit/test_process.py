"""How a process ends: its status and what it says, for each thing that can end it."""

import io
import shutil
from collections.abc import Callable, Coroutine
from pathlib import Path

import pytest

from app.configuration import Configuration, read_configuration
from app.console import Console
from app.process import CannotStart, run_process

ROOT = Path(__file__).parents[2]
ENVIRON = {
    "SWITCHYARD_DATABASE_URL": "postgresql://user@127.0.0.1:1/none",
    "SWITCHYARD_CACHE_URL": "redis://127.0.0.1:1/0",
    "SWITCHYARD_COORDINATION_URL": "redis://127.0.0.1:1/0",
    "SWITCHYARD_QDRANT_URLS": "http://127.0.0.1:1",
    "SWITCHYARD_NODES_FILE": str(ROOT / "nodes.toml.example"),
    "SWITCHYARD_PROMPTS_DIR": str(ROOT / "prompts"),
    "SWITCHYARD_BLOBS_DIR": str(ROOT / "blobs"),
}


def ending(error: BaseException | None) -> Callable[[Configuration], Coroutine[object, object, None]]:
    async def work(_configuration: Configuration) -> None:
        if error is not None:
            raise error

    return work


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (None, 0, ""),
        (KeyboardInterrupt(), 0, ""),
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


@pytest.mark.requirement("FIN-15.directory")
def test_prompts_are_those_of_the_one_directory_that_a_setting_names(tmp_path: Path) -> None:
    own = tmp_path / "prompts"
    shutil.copytree(ROOT / "prompts", own)
    file = own / "assistant" / "without_passages.md"
    file.write_text(file.read_text(encoding="utf-8") + "\nSay it in one word.\n", encoding="utf-8")
    for folder, is_changed in ((ROOT / "prompts", False), (own, True)):
        prompts = read_configuration({**ENVIRON, "SWITCHYARD_PROMPTS_DIR": str(folder)}).prompts
        assert prompts["assistant/without_passages"].text.endswith("Say it in one word.") is is_changed


def test_a_wrong_configuration_ends_it_before_its_work_with_a_line_for_each_mistake(tmp_path: Path) -> None:
    notes = io.StringIO()
    (tmp_path / "nodes.toml").write_bytes(b"\xef\xbb\xbf[[models]]\r\nname = 'm'\r\nkind = 'embed'\r\n")
    wrong = {"SWITCHYARD_PROT": "1", "SWITCHYARD_GAP_S": "nan", "SWITCHYARD_NODES_FILE": str(tmp_path / "nodes.toml")}
    assert run_process(ending(AssertionError()), {**ENVIRON, **wrong}, Console(notes)) == 2
    first, *lines = notes.getvalue().splitlines()
    assert first == "switchyard: 3 mistakes in the configuration"
    assert lines == [
        "  SWITCHYARD_PROT: is not a setting",
        "  SWITCHYARD_GAP_S: must be a number from 0.01 to 3600, not nan",
        f"  {tmp_path}/nodes.toml: at least one [[nodes]] is needed",
    ]
