"""The throw-away process that parses: what it reads, what it survives, what it is kept from."""

import asyncio
import os
import sys
from pathlib import Path
from tempfile import TemporaryFile

import pytest

from app.retrieval.chunks import Chunk
from app.retrieval.media import MediaType
from app.retrieval.parser import Parser
from app.retrieval.sandbox import ROOT
from app.retrieval.unreadable import DocumentUnreadable, Unreadable
from tests.integration.http_server import until

pytestmark = pytest.mark.integration

HOSTILE = "hostile_parser"
WORKER = f"""
import asyncio
from pathlib import Path
from app.retrieval.sandbox import Sandbox
asyncio.run(Sandbox({HOSTILE!r}, wall_s=60.0, output_bytes=9, root=Path.cwd()).run(open("/dev/null", "rb")))
"""
CONFINED = """\
import sys, os
from app.retrieval.confinement import confine
out = sys.stdout.buffer
confine(int(sys.argv[1]))
"""


async def parse(parser: Parser, content: bytes) -> list[Chunk]:
    """The chunks of a Markdown document with that content."""
    with TemporaryFile() as file:
        file.write(content)
        file.seek(0)
        return list((await parser.parse(file, MediaType.MARKDOWN)).chunks)


async def ends(parser: Parser, content: bytes = b"text") -> Unreadable:
    """Why the document cannot be read."""
    with pytest.raises(DocumentUnreadable) as caught:
        await parse(parser, content)
    return caught.value.why


def hostile(directory: Path, code: str, *, wall_s: float = 20.0) -> Parser:
    """A parser whose child runs `code` instead."""
    (directory / f"{HOSTILE}.py").write_text(code)
    (directory / "app").symlink_to(ROOT / "app")
    return Parser(wall_s=wall_s, module=HOSTILE, root=directory)


def runs(pid: int) -> bool:
    """Whether the process is there and has not ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.requirement("UPL-04.parsed")
async def test_a_document_comes_back_as_chunks() -> None:
    text = "\ufeff# Kiln\n\nA kiln holds 48 plates. 🦊\n\x00"
    (chunk,) = await parse(Parser(), text.encode())
    assert chunk == Chunk("Kiln", 0, 35, "# Kiln\n\nA kiln holds 48 plates. 🦊\n\ufffd")


@pytest.mark.requirement("UPL-04.parsed")
async def test_a_document_is_read_in_a_process_and_a_session_of_its_own(tmp_path: Path) -> None:
    own = f"os.getppid() == {os.getpid()} and os.getsid(0) == os.getpid()"
    assert await ends(hostile(tmp_path, f"import os\nos._exit(11 if {own} else 12)\n")) is Unreadable.NO_TEXT


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", Unreadable.NO_TEXT),
        (b"\xef\xbb\xbf\n \x00", Unreadable.NO_TEXT),
        (b"caf\xe9", Unreadable.ENCODING_UNKNOWN),
        (b"a" * ((16 << 20) + 1), Unreadable.TOO_LARGE),
        (b"# a\n\nb\n\n" * 20_001, Unreadable.TOO_LARGE),
    ],
)
async def test_a_document_that_cannot_be_read_says_why(content: bytes, why: Unreadable) -> None:
    assert await ends(Parser(), content) is why


@pytest.mark.parametrize("unit", ["[", ">", "`", "|a", "* ", "<a ", "![](", "\\", "&#", "- - ", "#\n", "\n```\n"])
async def test_text_made_to_hurt_a_parser_is_done_in_time(unit: str) -> None:
    try:
        await parse(Parser(wall_s=20.0), (unit * (200_000 // len(unit)) + "x").encode())
    except DocumentUnreadable as error:
        assert error.why is Unreadable.TOO_LARGE  # noqa: PT017 - either end is fine


@pytest.mark.parametrize(
    "attempt",
    [
        "open('/etc/hostname')",
        "open('/tmp/written', 'w')",
        "import socket; socket.socket()",
        "os.pipe()",
        "import subprocess; subprocess.run(['/bin/true'])",
    ],
)
async def test_the_child_opens_no_file_no_socket_and_no_process(tmp_path: Path, attempt: str) -> None:
    code = f"{CONFINED}try:\n    {attempt}\nexcept (OSError, ImportError):\n    os._exit(11)\nos._exit(12)\n"
    assert await ends(hostile(tmp_path, code)) is Unreadable.NO_TEXT


async def test_the_child_gets_no_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SWITCHYARD_DATABASE_URL", "secret")
    code = "import os\nos._exit(11 if not any('SWITCHYARD' in name for name in os.environ) else 12)\n"
    assert await ends(hostile(tmp_path, code)) is Unreadable.NO_TEXT


@pytest.mark.parametrize(
    ("code", "why"),
    [
        (f"{CONFINED}a = [b'x' * (1 << 20) for _ in range(5000)]\n", Unreadable.MALFORMED),
        (f"{CONFINED}os.kill(os.getpid(), 6)\n", Unreadable.MEMORY),
        (f"{CONFINED}os.kill(os.getpid(), 24)\n", Unreadable.TIMEOUT),
        (f"{CONFINED}os.kill(os.getpid(), 11)\n", Unreadable.MALFORMED),
        ("import sys\nsys.stdout.write('x' * (49 << 20))\n", Unreadable.TOO_LARGE),
        ("print('no json')\n", Unreadable.MALFORMED),
        ("""print('["four", "", "", [], [], [["h", 0, 4, null]], [[0, 0, 9, 0, 0]]]')\n""", Unreadable.MALFORMED),
        ("""print('["four", "", "", [], [], [["h", 0, 4, 1]], [[0, 0, 4, 0, 0]]]')\n""", Unreadable.MALFORMED),
        ("raise SystemExit(77)\n", Unreadable.MALFORMED),
    ],
)
async def test_whatever_the_child_does_the_document_ends_with_a_code(
    tmp_path: Path, code: str, why: Unreadable
) -> None:
    assert await ends(hostile(tmp_path, code)) is why


async def test_a_child_that_hangs_is_killed_with_all_that_it_started(tmp_path: Path) -> None:
    started = tmp_path / "started"
    code = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        f"open({str(started)!r}, 'w').write(str(child.pid))\ntime.sleep(600)\n"
    )
    assert await ends(hostile(tmp_path, code, wall_s=1.5)) is Unreadable.TIMEOUT
    await gone(int(started.read_text()))


@pytest.mark.parametrize("when", ["once the kernel knows", "before it is told"])
async def test_a_child_ends_with_the_process_that_started_it(tmp_path: Path, when: str) -> None:
    told = when == "once the kernel knows"
    started, orphaned = tmp_path / "started", tmp_path / "orphaned"
    say = f"open({str(started)!r}, 'w').write(str(os.getpid()))\n"
    wait = f"while not os.path.exists({str(orphaned)!r}): time.sleep(0.01)\n"
    first = "import os, sys, time, signal\nfrom app.retrieval.confinement import confine\n"
    hostile(tmp_path, f"{first}{say}{'' if told else wait}confine(int(sys.argv[1]))\nsignal.pause()\n")
    worker = await asyncio.create_subprocess_exec(sys.executable, "-c", WORKER, cwd=tmp_path)
    await until(lambda: started.exists() and started.read_text() != "")
    if told:
        await until(lambda: "Max open files            3" in Path(f"/proc/{started.read_text()}/limits").read_text())
    worker.kill()
    await worker.wait()
    orphaned.touch()
    await gone(int(started.read_text()))


async def gone(pid: int) -> None:
    """Wait until the process has ended."""
    await until(lambda: not runs(pid))
