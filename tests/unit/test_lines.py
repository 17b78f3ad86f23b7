"""What ends a line for some reader is written as its escape wherever output is made of lines."""

import io
import json
import sys
from pathlib import Path

import msgspec
import pytest

from app.console import Console
from app.text import json_line, one_line
from ops.local.console import Console as LocalConsole
from ops.local.logs import show_logs

BREAKS = [chr(number) for number in range(sys.maxunicode + 1) if len(f"a{chr(number)}b".splitlines()) > 1]
TEXT = f"a{''.join(BREAKS)}b \u00e9 \U0001f600"


def test_json_is_one_line_to_every_reader_and_has_the_same_value() -> None:
    assert {"\u2028", "\u2029", "\x85", "\v", "\f", "\x1c"} <= set(BREAKS)
    line = json_line(msgspec.json.encode({"text": TEXT, TEXT: 1}))
    assert len(line.decode().splitlines()) == 1
    assert json.loads(line) == {"text": TEXT, TEXT: 1}


def test_json_without_such_characters_is_as_it_was() -> None:
    for text in ("plain", "\u00e9\u2027\u202a\x84\x86\U0001f600"):
        assert json_line(msgspec.json.encode(text)) == msgspec.json.encode(text)


@pytest.mark.parametrize("character", BREAKS)
def test_a_text_is_one_line_to_every_reader(character: str) -> None:
    line = one_line(f"a{character}b")
    assert line.splitlines() == [line]
    assert json.loads(f'"{line}"') == f"a{character}b"


def test_a_cell_of_a_table_stays_in_its_row_and_json_in_its_line() -> None:
    stream = io.StringIO()
    console = Console(stream)
    console.table(("NAME",), [(TEXT,), ("b",)])
    console.show_json({"a": TEXT})
    console.say(f"a {TEXT.replace(chr(10), '')}")
    assert len(stream.getvalue().splitlines()) == 5


def test_a_line_of_a_log_is_shown_as_one(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    entry = json.dumps({"message": "a\u2028b\x85c"}, ensure_ascii=False)
    (tmp_path / "logs" / "worker.log").write_text(f"{entry}\n{entry}\n", encoding="utf-8")
    stream = io.StringIO()
    show_logs(tmp_path, ["worker"], lines=10, is_following=False, console=LocalConsole(stream))
    assert [json.loads(line) for line in stream.getvalue().splitlines()] == [{"message": "a\u2028b\x85c"}] * 2
