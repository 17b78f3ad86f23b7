"""The demonstration as a newcomer runs it, and a changed fact that changes what is cited."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from psycopg.rows import dict_row

from app.retrieval.formats.reading import reader_of
from app.retrieval.media import media_type_of
from ops.local.commands import status_of
from ops.local.console import Console
from ops.local.demo import HANDBOOK, shown_stack
from ops.local.demo_client import DemoClient
from ops.local.demo_documents import add_documents
from ops.local.demo_questions import FIRST, LATER
from ops.local.parts import postgres
from ops.local.process import REPOSITORY, ProcessId, poll_until
from ops.local.stack import Stack
from ops.local.state import Phase
from tests.acceptance.local import LocalStack, alive, environ_of, processes_of

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(900)]

DEMO_LIMIT_S = 600.0
ANSWER_LIMIT_S = 180.0
TANK = "How many litres does the clean-water tank hold?"
SELECT_RUNS = "SELECT id, question, state, result ->> 'message' AS answer FROM runs ORDER BY created_at"
SELECT_USED = """
    SELECT sum(input_tokens)::int AS input_tokens, sum(output_tokens)::int AS output_tokens,
           sum(gpu_us)::bigint AS gpu_us, sum(cost_usd_micro)::bigint AS cost_usd_micro
    FROM usage WHERE run_id = %s
"""
SELECT_ROUTE = "SELECT tier, reason, model, digest, node FROM routes WHERE run_id = %s"
SELECT_CITED = "SELECT citations FROM messages WHERE run_id = %s AND role = 'assistant'"


@dataclass(frozen=True, slots=True)
class Demo:
    """A demonstration that has ended: what it printed, its processes, and the rows that it left."""

    status: int
    output: str
    processes: list[ProcessId]
    runs: list[dict[str, Any]]
    used: list[dict[str, Any]]
    routes: list[dict[str, Any]]
    cited: list[list[dict[str, Any]]]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """One demonstration in a directory of its own, from start to end."""
    directory = tmp_path_factory.mktemp("demo") / "a demo"
    status, output, processes = run_demo(directory)
    with Stack.open(directory, ((postgres.part,),)) as rows, open_database(rows.layout.database_url) as database:
        runs = database.execute(SELECT_RUNS).fetchall()
        ids = [run["id"] for run in runs]
        return Demo(
            status=status,
            output=output,
            processes=processes,
            runs=runs,
            used=[row for run_id in ids for row in database.execute(SELECT_USED, (run_id,)).fetchall()],
            routes=[row for run_id in ids for row in database.execute(SELECT_ROUTE, (run_id,)).fetchall()],
            cited=[row["citations"] for run_id in ids for row in database.execute(SELECT_CITED, (run_id,)).fetchall()],
        )


def run_demo(directory: Path) -> tuple[int, str, list[ProcessId]]:
    """Run the demonstration; return its status, what it printed, and the processes of its stack once that was ready."""
    command = [sys.executable, "-m", "ops.local", "demo"]
    with subprocess.Popen(  # noqa: S603 - our own command
        command,
        env={**environ_of(directory), "COLUMNS": "80"},
        cwd=REPOSITORY,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as running:
        try:
            poll_until(lambda: running.poll() is not None or status_of(directory).phase is Phase.READY, DEMO_LIMIT_S)
            processes = processes_of(status_of(directory))
            output, _ = running.communicate(timeout=DEMO_LIMIT_S)
        finally:
            running.terminate()
    return running.returncode, output, processes


def open_database(url: str) -> "psycopg.Connection[dict[str, Any]]":
    return psycopg.Connection[dict[str, Any]].connect(url, row_factory=dict_row)


def flat(text: str) -> str:
    """Return the text with every run of white space as one space: lines are wrapped on a terminal."""
    return " ".join(text.split())


def table(output: str) -> Mapping[str, list[str]]:
    """Return the table's rows by their label."""
    rows = [re.split(r"\s{2,}", line.strip()) for line in output.splitlines()]
    return {row[0]: row[1:] for row in rows if len(row) == 4}


@pytest.mark.requirement("ORC-01.local", "FAM-01.in-process")
def test_the_demo_ends_well_and_leaves_no_process(demo: Demo) -> None:
    assert demo.status == 0, demo.output
    assert len(demo.processes) > 5
    assert not alive(demo.processes)


@pytest.mark.requirement("ORC-01.local")
def test_each_question_gets_an_answer_that_is_shown_whole(demo: Demo) -> None:
    assert [run["question"] for run in demo.runs] == [FIRST, *LATER]
    assert len(demo.runs) == 3
    shown = flat(demo.output)
    for run in demo.runs:
        assert run["state"] == "done"
        assert run["answer"].strip()
        assert flat(run["answer"]) in shown


def test_the_table_says_what_the_rows_say(demo: Demo) -> None:
    shown = table(demo.output)
    assert shown["tier"] == ["simple", "medium", "complex"]
    for column, (used, route) in enumerate(zip(demo.used, demo.routes, strict=True)):
        assert shown["tier"][column] == route["tier"]
        assert shown["route reason"][column] == route["reason"]
        assert shown["model"][column] == route["model"]
        assert shown["digest"][column] == route["digest"].removeprefix("sha256:")[:12]
        assert shown["node"][column] == route["node"]
        assert shown["tokens in"][column] == str(used["input_tokens"])
        assert shown["tokens out"][column] == str(used["output_tokens"])
        assert float(shown["GPU-seconds"][column]) == pytest.approx(used["gpu_us"] / 1e6, abs=0.001)
        assert shown["cost"][column] == f"${used['cost_usd_micro'] / 1e6:.6f}"
        assert 0 < seconds(shown["first token"][column]) <= seconds(shown["total time"][column])


def seconds(cell: str) -> float:
    number, unit = cell.split()
    assert unit == "s"
    return float(number)


def text_of(path: Path) -> str:
    """The text that is stored of a file."""
    reader = reader_of(media_type_of(path.name, "", path.read_bytes()))
    return reader.read(path.read_bytes(), None).text


def test_every_quote_stands_word_for_word_in_the_handbook(demo: Demo) -> None:
    shown = flat(demo.output)
    # The smallest models sometimes say what no document supports; that names no source.
    assert any(demo.cited)
    for citations in demo.cited:
        for citation in citations:
            name, quote = citation["document"], citation["quote"]
            assert text_of(HANDBOOK / name)[citation["start_offset"] : citation["end_offset"]] == quote
            where = name if citation["page"] is None else f"{name}, page {citation['page']}"
            assert (citation["page"] is None) == (not name.endswith(".pdf"))
            assert flat(f'{where}: {citation["heading"]} "{quote}"') in shown


def test_the_output_is_plain_text_of_80_columns(demo: Demo) -> None:
    # Before it are addresses, behind it commands with the path of this directory.
    telling = demo.output[demo.output.index("Documents:") : demo.output.index("Next")]
    assert max(map(len, telling.splitlines())) <= 80
    assert "\x1b" not in demo.output
    assert "\r" not in demo.output


def test_a_running_stack_is_used_and_left_alone(stack: LocalStack) -> None:
    processes = processes_of(stack.status())
    with shown_stack(stack.env, Console(StringIO()), is_kept=False) as shown:
        assert (shown.url, shown.key, shown.is_ours) == (stack.url, stack.key, False)
    assert alive(processes) == processes


@pytest.fixture
def client(stack: LocalStack, request: pytest.FixtureRequest) -> Iterator[httpx.Client]:
    """A client with the key of a tenant that only this test uses."""
    key = stack.new_tenant(request.node.name.replace("_", "-")[:60])
    headers = {"authorization": f"Bearer {key}"}
    with httpx.Client(base_url=stack.url, headers=headers, timeout=ANSWER_LIMIT_S) as client:
        yield client


def add(client: httpx.Client, folder: Path) -> str:
    """Add the folder's documents as the demonstration does; return what it says."""
    said = StringIO()
    add_documents(folder, DemoClient(client), Console(said))
    return said.getvalue()


def ask(client: httpx.Client, question: str) -> dict[str, Any]:
    answer = client.post("/api/v1/chat", json={"message": question})
    assert answer.status_code == 200, answer.text
    return json.loads(answer.content)


def test_the_same_documents_are_not_read_in_twice(client: httpx.Client, tmp_path: Path) -> None:
    (tmp_path / "note.md").write_text("# Note\n\nThe ferry leaves at nine.\n")
    assert "version 1, read in" in add(client, tmp_path)
    assert "version 1, there already" in add(client, tmp_path)


@pytest.mark.requirement("UPL-15.uploads", "UPL-15.answers", "UPL-48.uploads")
def test_a_changed_fact_changes_what_is_cited(client: httpx.Client, tmp_path: Path) -> None:
    handbook = tmp_path / "handbook"
    handbook.mkdir()
    copy = handbook / "01-overview.md"
    original = (HANDBOOK / copy.name).read_text(encoding="utf-8")
    assert original.count("holds 68 litres") == 1

    copy.write_text(original, encoding="utf-8")
    add(client, handbook)
    before = ask(client, TANK)
    assert "holds 68 litres" in before["citations"][0]["quote"]
    assert "68 litres" in before["message"]

    copy.write_text(original.replace("holds 68 litres", "holds 81 litres"), encoding="utf-8")
    assert "version 2, read in" in add(client, handbook)
    after = ask(client, TANK)
    quotes = [citation["quote"] for citation in after["citations"]]
    assert "holds 81 litres" in quotes[0]
    assert not any("68 litres" in quote for quote in quotes)
    assert after["citations"][0]["document_id"] != before["citations"][0]["document_id"]
    assert "81 litres" in after["message"]
