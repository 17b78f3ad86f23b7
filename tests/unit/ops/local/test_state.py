"""What a supervisor leaves for other processes to read."""

import os
from pathlib import Path

import pytest

from ops.local.demo_key import find_demo_key
from ops.local.models.progress import Phase as ModelPhase
from ops.local.models.progress import Progress
from ops.local.problems import AlreadyRunning
from ops.local.process import ProcessId, process_id, tail
from ops.local.progress_file import progress_file
from ops.local.secrets_file import read_or_make
from ops.local.state import Phase, State, StateFile, is_owned, own
from ops.local.views import PartState, PartView

VIEW = PartView("postgres", PartState.READY, ProcessId(7, 8), "127.0.0.1:5432", 0, "/logs/postgres.log")


def test_a_state_is_read_as_it_was_written(tmp_path: Path) -> None:
    state = State(process_id(os.getpid()), Phase.READY, "http://127.0.0.1:8080", (VIEW,))
    StateFile(tmp_path).write(state)
    assert StateFile(tmp_path).find() == state
    assert state.is_alive


def test_without_a_state_or_with_a_broken_one_there_is_none(tmp_path: Path) -> None:
    assert StateFile(tmp_path).find() is None
    (tmp_path / "stack.json").write_text("{")
    assert StateFile(tmp_path).find() is None


def test_a_supervisor_is_not_mistaken_for_another_process_with_its_id(tmp_path: Path) -> None:
    me = process_id(os.getpid())
    state = State(ProcessId(me.pid, me.started_ticks - 1), Phase.READY, "http://127.0.0.1:8080", ())
    StateFile(tmp_path).write(state)
    found = StateFile(tmp_path).find()
    assert found is not None
    assert not found.is_alive


def test_a_directory_has_one_owner(tmp_path: Path) -> None:
    assert not is_owned(tmp_path)
    with own(tmp_path):
        assert is_owned(tmp_path)
        with pytest.raises(AlreadyRunning), own(tmp_path):
            pytest.fail("two owners")
    assert not is_owned(tmp_path)


def test_secrets_are_made_once_and_private(tmp_path: Path) -> None:
    path = tmp_path / "secrets.json"
    made = read_or_make(path)
    assert read_or_make(path) == made
    assert len({made.database, made.valkey, made.qdrant}) == 3
    assert path.stat().st_mode & 0o077 == 0


def test_the_progress_of_every_model_is_the_last_one_told(tmp_path: Path) -> None:
    file = progress_file(tmp_path)
    assert file.read() == []
    first, other = Progress("a", ModelPhase.DOWNLOADING, 1, 2), Progress("b", ModelPhase.WAITING)
    for progress in (first, other, Progress("a", ModelPhase.READY, 2, 2)):
        file.write(progress)
    assert progress_file(tmp_path).read() == [Progress("a", ModelPhase.READY, 2, 2), other]


def test_before_the_first_start_there_is_no_demo_key(tmp_path: Path) -> None:
    assert find_demo_key(tmp_path) is None
    (tmp_path / "demo-key").write_text("sy_abc_def\n")
    assert find_demo_key(tmp_path) == "sy_abc_def"


def test_the_tail_of_a_log_is_bounded(tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    assert tail(log) == ""
    log.write_text("".join(f"line {number}\n" for number in range(10_000)))
    assert tail(log, lines=2) == "line 9998\nline 9999"
    assert len(tail(log, lines=10_000, limit_bytes=100)) <= 100
