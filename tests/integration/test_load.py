"""`python -m ops.load` against a scripted stack: what it measures, what it says, and how it exits."""

import asyncio
import os
import socket
import sys
from collections.abc import AsyncGenerator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
import msgspec
import pytest
import pytest_asyncio

from app.inference.words.tiers import TIERS
from ops.load.arrivals import schedule
from ops.load.percentiles import percentile
from ops.load.plan import KEY as KEY_VARIABLE
from ops.load.plan import SEED
from ops.load.report import Report
from ops.load.samples import Entry, Outcome, Sample, Seen
from ops.load.targets import read_targets
from ops.load.verdict import Standing
from ops.local.ports import find_free
from ops.local.process import REPOSITORY
from tests.fakes.stack import KEY, FakeStack, Manner

LIMIT_S = 60.0
SHORT = ("--think-s", "0", "0", "--no-handbook", "--drain-s", "20")
OPEN = (*SHORT, "--rate", "2400", "--minutes", "0.05", "--follow-ups", "0", "0")


@dataclass(frozen=True, slots=True)
class Ran:
    """How a load run ended, what it said, and where it wrote."""

    status: int
    out: str
    err: str
    folder: Path

    @property
    def seen(self) -> Seen:
        """What the generator saw."""
        return msgspec.json.decode((self.folder / "samples.json").read_bytes(), type=Seen)

    def written(self) -> dict[str, str]:
        """Return what it wrote, by file name."""
        return {path.name: path.read_text() for path in self.folder.iterdir()}


@pytest_asyncio.fixture
async def stack() -> AsyncGenerator[FakeStack]:
    """A stack that answers at once."""
    stack = FakeStack()
    await stack.start()
    yield stack
    await stack.stop()


async def load(stack: FakeStack, folder: Path, *words: str, key: str = KEY) -> Ran:
    """Run the load against the fake stack, as `make load` does."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SWITCHYARD_")}
    command = [sys.executable, "-m", "ops.load", "--url", stack.url, "--metrics", f"{stack.url}/metrics"]
    process = await asyncio.create_subprocess_exec(
        *command,
        *("--out", str(folder)),
        *words,
        cwd=REPOSITORY,
        env={**kept, KEY_VARIABLE: key},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        out, err = await asyncio.wait_for(process.communicate(), LIMIT_S)
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()
    return Ran(process.returncode or 0, out.decode(), err.decode(), folder)


def answers(ran: Ran) -> list[Sample]:
    """Return the samples of whole answers."""
    return [sample for sample in ran.seen.samples if sample.entry is Entry.END_TO_END]


def waited_out(ran: Ran, stack: FakeStack) -> list[Sample]:
    """Return the answers that were meant to be asked for during the stall, or whose time spans it."""
    began_s, ended_s = stack.stall.began_s - ran.seen.started_at_s, stack.stall.ended_s - ran.seen.started_at_s
    return [one for one in answers(ran) if one.at_s < ended_s and one.at_s + one.seconds > began_s]


def locust_counts(ran: Ran) -> dict[str, int]:
    """Return how often Locust counted each entry, over all tiers."""
    counts: dict[str, int] = {}
    for entry in ran.seen.locust:
        counts[entry.name] = counts.get(entry.name, 0) + entry.requests
    return counts


@pytest.mark.requirement("INS-82.measured")
async def test_both_personas_are_measured_and_a_quick_stack_passes(stack: FakeStack, tmp_path: Path) -> None:
    ran = await load(stack, tmp_path, *SHORT, "--users", "6", "--minutes", "0.06")
    assert ran.status == 0, ran.out + ran.err
    counts = locust_counts(ran)
    for entry in (Entry.FIRST_TOKEN, Entry.GAP, Entry.QUEUE_WAIT, Entry.END_TO_END, Entry.UPLOAD, Entry.PROCESSING):
        assert counts[entry] == sum(sample.entry is entry for sample in ran.seen.samples) > 0, entry
    assert {entry.type for entry in ran.seen.locust if entry.name == Entry.FIRST_TOKEN} == set(TIERS)
    # A session begins without an id, and its follow-ups name the one that the stack gave.
    assert {asked.session_id is None for asked in stack.asked} == {True, False}
    assert sorted(stack.removed) == sorted(stack.documents)
    verdict = msgspec.json.decode((tmp_path / "verdict.json").read_bytes(), type=Report)
    assert verdict.verdict is Standing.MET
    assert {line.target.name for line in verdict.targets} == {target.name for target in read_targets()}
    assert {line.standing for line in verdict.targets} == {Standing.MET}
    assert "Verdict: met" in ran.out
    written = ran.written()
    assert "Verdict: met" in written["verdict.md"]
    assert "end to end" in written["report.html"]
    assert "Rates\n" in ran.out
    by_name = {(row.of, row.tier): row for row in verdict.rates}
    whole = [sample for sample in answers(ran) if sample.outcome is Outcome.DONE]
    assert by_name["answers", "all"].count == len(whole)
    assert by_name["output tokens", "all"].count == 4 * len(whole)
    assert by_name["answers", "all"].per_s == pytest.approx(len(whole) / ran.seen.wall_s)
    assert {row.entry for row in verdict.figures} >= {Entry.FIRST_TOKEN, Entry.GAP, Entry.PER_TOKEN}
    assert KEY not in "".join([ran.out, ran.err, *written.values()])


@pytest.mark.requirement("ORC-81.told", "ORC-83.told")
async def test_a_breach_is_named_and_is_the_exit_status(stack: FakeStack, tmp_path: Path) -> None:
    # An answer takes long enough that four refusals are more than one operation in a hundred on any machine.
    stack.manner = Manner(delta_s=0.05, refuse=2, refuse_in_stream=2, cost_usd=0.02, cites=False)
    ran = await load(stack, tmp_path, *SHORT, "--users", "6", "--minutes", "0.03")
    assert ran.status == 1, ran.out + ran.err
    verdict = msgspec.json.decode((tmp_path / "verdict.json").read_bytes(), type=Report)
    breached = {line.target.name for line in verdict.targets if line.standing is Standing.BREACHED}
    assert {"errors", "cost of an answer"} <= breached
    why = {(one.outcome, one.code): one.count for one in verdict.endings}
    assert why[Outcome.REFUSED, "rate_limited"] == 2
    assert why[Outcome.REFUSED, "no_slot_in_time"] == 2
    assert why[Outcome.UNCITED, "not_cited"] == verdict.quality.uncited == verdict.quality.checked > 0
    counted = {entry.name: entry.failures for entry in ran.seen.locust if entry.name == Entry.END_TO_END}
    assert counted == {Entry.END_TO_END: 0}
    errors = next(line for line in verdict.targets if line.target.name == "errors")
    assert errors.found == pytest.approx(4 / errors.count)


@pytest.mark.requirement("ORC-80.honest")
async def test_a_stall_of_500_ms_shows_in_p99_with_open_arrivals(stack: FakeStack, tmp_path: Path) -> None:
    stack.manner = Manner(stall_before=30, stall_s=0.5)
    ran = await load(stack, tmp_path, *OPEN)
    assert len(stack.asked) >= 60, ran.out + ran.err
    ended_s = stack.stall.ended_s - ran.seen.started_at_s
    meant = [one for one in answers(ran) if ended_s - 0.5 <= one.at_s < ended_s]
    # Whoever was meant to ask while everything stood still waited for its end at least, and nobody was held back.
    assert len(meant) >= 5
    assert all(one.at_s + one.seconds >= ended_s for one in meant)
    times_s = [one.seconds for one in answers(ran)]
    assert percentile(times_s, 0.99) >= 0.25


@pytest.mark.requirement("ORC-80.honest")
async def test_a_closed_loop_shows_the_same_stall_once_a_person(stack: FakeStack, tmp_path: Path) -> None:
    stack.manner = Manner(stall_before=20, stall_s=0.5)
    ran = await load(stack, tmp_path, *SHORT, "--users", "1", "--minutes", "0.03")
    assert stack.stall.ended_s, ran.out + ran.err
    hit = waited_out(ran, stack)
    # Whoever waits asks nothing else: among a hundred answers or more, p99 would not know of it.
    assert len(hit) <= 1
    assert all(one.seconds >= 0.4 for one in hit)


async def test_more_visitors_than_places_are_counted_as_not_started(stack: FakeStack, tmp_path: Path) -> None:
    stack.manner = Manner(words=2, delta_s=1.0)
    ran = await load(stack, tmp_path, *OPEN, "--users", "3")
    assert ran.status == 1, ran.out + ran.err
    turned_away = [sample for sample in ran.seen.samples if sample.outcome is Outcome.NOT_STARTED]
    begun = {one.at_s for one in ran.seen.samples} - {one.at_s for one in turned_away}
    planned = schedule(2400, 3.0, SEED)
    assert len(turned_away) > 0
    assert {visit.intended_s for visit in planned} <= begun | {one.at_s for one in turned_away}


async def test_a_wrong_key_is_told_before_anything_is_sent(stack: FakeStack, tmp_path: Path) -> None:
    ran = await load(stack, tmp_path, *SHORT, key="sy_wrong")
    assert ran.status == 3
    assert "does not know this api key" in ran.err
    assert not stack.asked


async def test_a_stack_that_is_away_is_told_apart_from_a_breach(stack: FakeStack, tmp_path: Path) -> None:
    await stack.stop()
    ran = await load(stack, tmp_path, *SHORT)
    assert ran.status == 3
    assert "does not answer as a stack does (connection)" in ran.err


async def test_the_web_interface_lets_people_in_until_it_is_told_to_end(stack: FakeStack, tmp_path: Path) -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SWITCHYARD_")}
    command = [sys.executable, "-m", "ops.load", "--url", stack.url, "--out", str(tmp_path), *SHORT, "--web"]
    command += ["--web-port", str(find_free())]
    process = await asyncio.create_subprocess_exec(
        *command, cwd=REPOSITORY, env={**kept, KEY_VARIABLE: KEY}, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(LIMIT_S), httpx.AsyncClient(trust_env=False) as browser:
            said = (await process.stdout.readline()).decode()
            page = next(word for word in said.split() if word.startswith("http://127.0.0.1:"))
            await until_it_answers(browser, page)
            started = await browser.post(f"{page}/swarm", data={"user_count": "2", "spawn_rate": "2"})
            assert started.json()["success"] is True
            await until_it_counts(browser, page, Entry.END_TO_END)
            assert (await browser.post(f"{page}/stop")).json()["success"] is True
            assert KEY not in (await browser.get(page)).text
        process.terminate()  # is taken like Ctrl-C
        assert await asyncio.wait_for(process.wait(), LIMIT_S) == 0
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()


async def until_it_answers(browser: httpx.AsyncClient, page: str) -> None:
    """Return once the page is there."""
    while True:
        with suppress(httpx.TransportError):
            assert (await browser.get(page)).status_code == 200
            return
        await asyncio.sleep(0.1)


async def until_it_counts(browser: httpx.AsyncClient, page: str, name: str) -> None:
    """Return once the page shows requests of that name."""
    while True:
        rows = (await browser.get(f"{page}/stats/requests")).json()["stats"]
        if any(row["name"] == name and row["num_requests"] for row in rows):
            return
        await asyncio.sleep(0.1)


async def test_a_port_that_is_taken_is_told(stack: FakeStack, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ran = await load(stack, tmp_path, *SHORT, "--web-port", str(port))
    assert (ran.status, ran.err) == (3, f"load: port {port} is taken; choose another one with --web-port\n")
