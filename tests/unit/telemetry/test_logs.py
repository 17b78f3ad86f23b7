"""One shape for every line, no secrets in any of them, and a full queue never stops the caller."""

import asyncio
import io
import logging
import queue
import threading
import warnings
from collections.abc import Generator
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
import structlog

from app.api.app import create_app
from app.errors import NodeFailed, StoreUnavailable
from app.telemetry import logs
from app.telemetry.logs import BoundedQueueHandler, Logs, configure, plain_text
from tests.fakes.asgi import Client
from tests.fakes.plain_logs import log_plainly
from tests.fakes.platform import KEY_A, FakePlatform

SECRET = "my-mother-is-ill-0451"


class Written:
    """Logging into memory."""

    def __init__(self) -> None:
        self.stream = io.StringIO()
        self.logs: Logs = configure("INFO", process="replica-1", stream=self.stream, caches=False)

    def lines(self) -> list[dict[str, Any]]:
        """Close, and return every line."""
        self.logs.close()
        return [msgspec.json.decode(line) for line in self.stream.getvalue().splitlines()]


@pytest.fixture
def written() -> Generator[Written]:
    """Logging as a process has it; undone afterwards."""
    root = logging.getLogger()
    before = (list(root.handlers), root.level)
    to_memory = Written()
    yield to_memory
    to_memory.logs.close()
    root.handlers[:], root.level = before[0], before[1]
    log_plainly()
    structlog.contextvars.clear_contextvars()


@pytest.mark.requirement("INS-60.timestamp", "INS-60.level", "INS-60.logger", "INS-60.message", "INS-60.module")
@pytest.mark.requirement("INS-60.function", "FIN-76.timestamp", "FIN-76.logger", "FIN-76.level")
def test_our_events_and_a_librarys_lines_have_one_shape(written: Written) -> None:
    began = datetime.now(UTC)
    structlog.contextvars.bind_contextvars(request_id="r-1", tenant_id="t-1")
    structlog.get_logger("app.agents.runner").info("run.finished", outcome="done", output_tokens=8)
    logging.getLogger("somelib").warning("took %d s", 3)
    ours, theirs = written.lines()
    assert list(ours)[:6] == ["timestamp", "level", "logger", "message", "module", "function"]
    assert list(theirs)[:6] == list(ours)[:6]
    assert began <= datetime.fromisoformat(ours["timestamp"]) <= datetime.fromisoformat(theirs["timestamp"])
    assert ours["timestamp"].endswith("Z")
    assert (ours["level"], ours["logger"], ours["message"]) == ("info", "app.agents.runner", "run.finished")
    assert (ours["module"], ours["function"]) == (
        "test_logs",
        "test_our_events_and_a_librarys_lines_have_one_shape",
    )
    assert (ours["outcome"], ours["output_tokens"]) == ("done", 8)
    assert (theirs["level"], theirs["logger"], theirs["message"]) == ("warning", "somelib", "took 3 s")
    for line in (ours, theirs):
        assert (line["request_id"], line["tenant_id"], line["process"]) == ("r-1", "t-1", "replica-1")


@pytest.mark.requirement("INS-60.exception")
def test_an_exception_is_told_by_its_frames_and_its_chain(written: Written) -> None:
    try:
        try:
            raise StoreUnavailable("PostgreSQL does not answer", store="postgres")
        except StoreUnavailable as error:
            raise NodeFailed("gone") from error
    except NodeFailed:
        structlog.get_logger().exception("call.failed")
        logging.getLogger("lib").exception("oops")
    for line in written.lines():
        assert line["level"] == "error"
        assert "StoreUnavailable: PostgreSQL does not answer\nthen\n" in line["exception"]
        assert line["exception"].endswith("NodeFailed: gone")
        assert "test_logs.py" in line["exception"]


def test_facts_with_the_names_of_fields_cannot_break_or_forge_a_line(written: Written) -> None:
    structlog.get_logger().info(
        "x", message="forged", name="n", args=(1,), level_="ok", module="m", timestamp="0", msg="p", exc_text="t"
    )
    (line,) = written.lines()
    assert (line["message"], line["message_"], line["module"], line["module_"]) == ("x", "forged", "test_logs", "m")
    assert line["timestamp"] != "0"


def test_line_breaks_in_a_fact_cannot_forge_a_line(written: Written) -> None:
    structlog.get_logger().info("x", fact='a\n{"level":"error"}\r\n\x1b[31m')
    assert len(written.lines()) == 1


def test_no_character_of_a_fact_ends_a_line_for_any_reader(written: Written) -> None:
    text = "a\u2028b\u2029c\x85d\v\f\x1c\x1d\x1e"
    structlog.get_logger("edge").info(f"edge.{text}", fact=text)
    logging.getLogger("library").warning("%s", text)
    first, second = written.lines()
    assert (first["fact"], second["message"]) == (text, text)
    assert len(written.stream.getvalue().splitlines()) == 2


def test_values_that_json_has_no_word_for_are_written_as_text(written: Written) -> None:
    structlog.get_logger().info("x", thing=object, bad=float("nan"), key=b"\xff", items={1, 2})
    (line,) = written.lines()
    assert "object" in line["thing"]


def test_a_level_below_the_set_one_is_not_written(written: Written) -> None:
    structlog.get_logger().debug("quiet")
    logging.getLogger("httpx").info("GET http://node/api/chat")
    logging.getLogger("uvicorn.access").info("GET /")
    assert written.lines() == []


def test_warnings_of_python_are_lines_too(written: Written) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=True)
        warnings.warn("old", DeprecationWarning, stacklevel=1)
    assert written.lines()[0]["logger"] == "py.warnings"


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        (ValueError(SECRET), "ValueError"),
        (KeyError(SECRET), "KeyError"),
        (RuntimeError(SECRET), "RuntimeError"),
        (UnicodeEncodeError("utf-8", SECRET, 0, 1, "surrogates"), "UnicodeEncodeError"),
        (ConnectionRefusedError(111, "refused"), "ConnectionRefusedError: [Errno 111] refused"),
        (TypeError("takes 1 argument"), "TypeError: takes 1 argument"),
        (NodeFailed("node a broke off"), "NodeFailed: node a broke off"),
        (OSError(), "OSError: "),
    ],
)
def test_an_exceptions_text_is_shown_only_where_it_cannot_quote_a_user(error: Exception, shown: str) -> None:
    assert plain_text(error) == shown


@pytest.mark.requirement("UPL-42.logs")
async def test_no_prompt_no_answer_and_no_key_is_ever_written(written: Written) -> None:
    platform = FakePlatform()
    client = Client(create_app(platform), KEY_A)
    platform.runner.pieces = (f"I am sorry about {SECRET}",)
    body = {"message": f"help: {SECRET}", "context": {"note": SECRET}}
    await client.post("/api/v1/chat", body)
    await client.post("/api/v1/chat", {**body, "stream": True})
    await client.post("/api/v1/chat", {"message": SECRET, SECRET: 1})
    await client.send("POST", "/api/v1/chat", body=SECRET.encode(), headers=[("content-type", "application/json")])
    await client.get(f"/api/v1/sessions?cursor={SECRET}")
    await client.get(f"/api/v1/sessions/{SECRET}")
    await Client(create_app(platform), f"sy_{SECRET}").get("/api/v1/sessions")
    for error in (ValueError(f"bad value {SECRET}"), KeyError(SECRET)):
        platform.runner.refusal = error
        await client.post("/api/v1/chat", body)
    text = str(await asyncio.to_thread(written.lines))
    assert written.stream.getvalue().count("http.request") >= 9
    assert "http.failed" in text
    assert SECRET not in written.stream.getvalue()
    assert KEY_A not in written.stream.getvalue()


def test_a_full_queue_drops_lines_counts_them_and_never_waits() -> None:
    lines: queue.Queue[logging.LogRecord | None] = queue.Queue(2)
    handler = BoundedQueueHandler(lines)
    for number in range(5):
        handler.handle(logging.makeLogRecord({"msg": f"line {number}"}))
    assert handler.dropped == 3
    assert lines.qsize() == 2


def test_lost_lines_are_told_of_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "QUEUE_LINES", 1)
    gate = threading.Event()

    class SlowPipe(io.StringIO):
        def write(self, text: str, /) -> int:
            gate.wait(5)
            return super().write(text)

    stream = SlowPipe()
    root = logging.getLogger()
    before = (list(root.handlers), root.level)
    running = configure("INFO", stream=stream, caches=False)
    for number in range(10):
        logging.getLogger("flood").warning("line %d", number)
    gate.set()
    running.close()
    root.handlers[:], root.level = before[0], before[1]
    log_plainly()
    told = [msgspec.json.decode(line) for line in stream.getvalue().splitlines()]
    notices = [line for line in told if line["message"] == "logs.dropped"]
    assert sum(line["lines"] for line in notices) == running.dropped > 0
    assert running.dropped + len(told) - len(notices) == 10


def test_closing_twice_is_harmless(written: Written) -> None:
    written.logs.close()
    written.logs.close()
    assert written.stream.getvalue() == ""
