"""`switchyard documents` against a server."""

import asyncio
import io
import json
from collections.abc import AsyncGenerator, Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from app import document_command
from app.cli import build_parser, run
from app.console import Console
from app.conversation import Stack
from app.document_command import Documents
from app.errors import StoreUnavailable
from app.jobs.states import JobState
from app.progress_bar import ProgressBar
from app.retrieval.states import DocumentState
from tests.fakes.platform import KEY_A, TENANT_A, TENANT_B
from tests.integration.http_server import Running, serve

pytestmark = pytest.mark.integration


class Terminal(io.StringIO):
    """A standard error that is a terminal."""

    def isatty(self) -> bool:
        """It is."""
        return True


@pytest.fixture
async def running() -> AsyncGenerator[Running]:
    """A server."""
    async with serve() as server:
        yield server


async def typed(running: Running, *words: str) -> tuple[int, str, str]:
    """Type a command; return its exit status, output and notes."""
    out, notes = io.StringIO(), io.StringIO()

    def type_it() -> int:
        given = build_parser().parse_args(["documents", words[0], "--url", running.url, "--key", KEY_A, *words[1:]])
        return run(given, {}, Console(out), Console(notes))

    status = await asyncio.to_thread(type_it)
    return status, out.getvalue(), notes.getvalue()


def made(folder: Path, name: str, content: bytes = b"# Kiln\n") -> str:
    """A file."""
    (folder / name).write_bytes(content)
    return str(folder / name)


async def test_files_are_added_with_what_is_said_of_them(running: Running, tmp_path: Path) -> None:
    content = bytes(range(256)) * 3000
    files = made(tmp_path, "a.md"), made(tmp_path, 'b"\n手順.txt', content)
    said = ("--set", "filings", "--ticker", "aapl", "--date", "2024-09-28", "--tag", "10-K", "--tag", "annual")
    status, out, notes = await typed(running, "add", *files, *said)
    assert status == 0, notes
    kept = running.platform.documents.kept
    assert [(document.name, body) for _, document, body in kept] == [("a.md", b"# Kiln\n"), ('b"\n手順.txt', content)]
    for _, document, _ in kept:
        assert document.set_name == "filings"
        assert document.metadata == {"ticker": "AAPL", "date": "2024-09-28", "tags": ("10-K", "annual")}
    assert out.splitlines()[0] == f"a.md: questions find version 1, document {kept[0][1].id}"


async def test_what_came_of_each_file_is_json_if_asked(running: Running, tmp_path: Path) -> None:
    status, out, notes = await typed(running, "add", made(tmp_path, "a.md"), made(tmp_path, "b.md"), "--json")
    assert (status, notes) == (0, "")
    lines = [json.loads(line) for line in out.splitlines()]
    assert [(line["name"], line["version"], line["job"]["status"]) for line in lines] == [
        ("a.md", 1, "done"),
        ("b.md", 1, "done"),
    ]


async def test_a_file_that_fails_keeps_no_other_from_being_added(running: Running, tmp_path: Path) -> None:
    good = made(tmp_path, "b.md")
    status, out, notes = await typed(running, "add", str(tmp_path / "none.md"), str(tmp_path), good)
    assert status == 1
    assert "none.md: there is no such file" in notes
    assert "this is a folder" in notes
    assert out.startswith("b.md: questions find version 1")
    running.platform.documents.ends_with = "no_text"
    status, out, notes = await typed(running, "add", good)
    assert (status, out) == (1, "")
    assert notes.splitlines()[-1] == "switchyard: b.md: failed: no_text"


async def test_an_upload_that_is_refused_says_why(running: Running, tmp_path: Path) -> None:
    status, out, notes = await typed(running, "add", made(tmp_path, "a.md"), "--date", "today")
    assert (status, out) == (1, "")
    assert "bad_input: `date` is written YYYY-MM-DD" in notes


async def test_a_file_that_is_far_too_large_is_refused_with_the_limit(running: Running, tmp_path: Path) -> None:
    with (tmp_path / "huge.md").open("wb") as file:
        file.truncate(running.platform.settings.max_upload_bytes * 2)
    status, _, notes = await typed(running, "add", str(tmp_path / "huge.md"))
    assert status == 1
    assert "body_too_large" in notes


async def test_a_stack_that_stays_busy_is_asked_again_and_then_left(
    running: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []
    monkeypatch.setattr(Documents.__init__, "__kwdefaults__", {"wait": waited.append})
    running.platform.documents.refusal = StoreUnavailable("away", store="postgres")
    status, _, notes = await typed(running, "add", made(tmp_path, "a.md"), "--wait", "5")
    assert (status, waited) == (75, [2.0, 2.0])
    assert "store_unavailable: away; again in 2 s" in notes
    assert notes.splitlines()[-1] == f"switchyard: {tmp_path / 'a.md'}: store_unavailable: away"


async def test_documents_are_listed_by_what_is_asked_over_every_page(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(document_command, "PAGE", 2)
    for number in range(3):
        running.platform.documents.keep(TENANT_A, f"{number}.txt", b"text")
    running.platform.documents.keep(TENANT_B, "theirs.txt", b"text")
    status, out, _ = await typed(running, "list", "--set", "s", "--tag", "a", "--tag", "b", "--state", "ready")
    assert status == 0
    assert [line.split()[:2] for line in out.splitlines()[1:]] == [
        [f"{number}.txt", "received"] for number in (2, 1, 0)
    ]
    asked = running.platform.documents.asked
    assert [(one.set_name, one.tags, one.states) for one in asked] == [("s", ("a", "b"), (DocumentState.READY,))] * 2
    _, out, _ = await typed(running, "list", "--json")
    assert [json.loads(line)["name"] for line in out.splitlines()] == ["2.txt", "1.txt", "0.txt"]


async def test_a_document_is_shown_and_removed_by_its_name_or_its_id(running: Running) -> None:
    keep = running.platform.documents.keep
    first, second = keep(TENANT_A, "a.txt", b"text"), keep(TENANT_A, "not a.txt", b"text")
    status, out, _ = await typed(running, "show", "a.txt")
    assert status == 0
    assert str(first) in out
    assert str(second) not in out
    assert json.loads((await typed(running, "show", str(second), "--json"))[1])["name"] == "not a.txt"
    assert await typed(running, "remove", "a.txt", str(second)) == (0, f"a.txt: removed\n{second}: removed\n", "")
    assert running.platform.documents.kept == []
    status, _, notes = await typed(running, "remove", "a.txt")
    assert (status, notes) == (1, "switchyard: a.txt: document_unknown: there is no document of this name\n")


async def test_what_is_being_read_in_is_cancelled_and_what_was_is_read_again(running: Running, tmp_path: Path) -> None:
    platform = running.platform
    await typed(running, "add", made(tmp_path, "a.md"))
    assert (await typed(running, "cancel", "a.md"))[::2] == (
        1,
        "switchyard: a.md: job_not_cancellable: the job has ended\n",
    )
    (job_id,) = platform.jobs.rows
    platform.jobs.change(job_id, state=JobState.RUNNING)
    assert await typed(running, "cancel", "a.md") == (0, "a.md: stops at its next step\n", "")
    status, out, _ = await typed(running, "reprocess", "a.md")
    assert (status, out.startswith("a.md: questions find version 2, document ")) == (0, True)
    assert (await typed(running, "reprocess", "a.md", "--no-wait"))[1].startswith("a.md: kept as version 2, document")


def test_a_bar_moves_on_a_terminal_and_lines_come_elsewhere() -> None:
    job: dict[str, Any] = {"pages": 12, "chunks": 240, "chunks_done": 96}
    terminal, plain = Terminal(), io.StringIO()
    for stream in (terminal, plain):
        bar = ProgressBar(stream, Console(stream))
        bar.show("a\x1b[2J.pdf", "uploading", 0.0)
        bar.show("a\x1b[2J.pdf", "embedding", 0.4, document_command.describe_counts(job))
        bar.show("a\x1b[2J.pdf", "embedding", 0.5)
        bar.clear()
    drawn = terminal.getvalue().split("\r")
    assert drawn[2].startswith("[#########...............]  40 % a[2J.pdf: embedding 12 pages, 96 of 240 chunk")
    assert drawn[-1] == "\x1b[K", "nothing of the bar is left"
    assert plain.getvalue().count("\n") == 2, "a line for each step"


def test_an_interrupted_wait_says_that_the_work_goes_on(tmp_path: Path) -> None:
    class Interrupting(Stack):
        """Interrupted in the middle of an upload."""

        def send(self, path: str, media_type: str, size_bytes: int, pieces: Iterable[bytes]) -> Mapping[str, Any]:
            """Take a piece."""
            assert next(iter(pieces)).startswith(b"--")
            assert (path, media_type[:19], size_bytes > 0) == ("/api/v2/upload", "multipart/form-data", True)
            raise KeyboardInterrupt

    notes = io.StringIO()
    given = build_parser().parse_args(["documents", "add", "--key", "k", made(tmp_path, "a.md")])
    bar = ProgressBar(io.StringIO(), Console(notes))
    stack = Interrupting("http://127.0.0.1:1", "k")
    documents = Documents(stack, Console(io.StringIO()), Console(notes), bar, as_json=False)
    assert documents.add(given) == 130
    assert "goes on" in notes.getvalue()
