"""One renderer for every log line: structlog binds, python-json-logger renders.

A line is a JSON object: timestamp, level, logger, message, module, function, exception where there is one,
the ids bound at the edge (request_id, tenant_id, run_id, ...), the process, and the facts of the event.
Lines wait in a bounded queue that a thread writes, so a slow pipe never stops the event loop; when the queue
is full lines are dropped, counted and told of. That thread also takes secrets out of every line, whoever wrote it.
"""

import copy
import logging
import queue
import sys
import threading
import traceback
from collections.abc import Mapping
from logging.handlers import QueueHandler
from types import TracebackType
from typing import TextIO, TypeAlias

import structlog
from pythonjsonlogger.core import LogData
from pythonjsonlogger.msgspec import MsgspecFormatter
from structlog.typing import EventDict

from app.errors import SwitchyardError
from app.telemetry.masking import Mask
from app.text import one_line

QUEUE_LINES = 10_000
FRAMES = 40
TEXT_CHARS = 300
CLOSE_LIMIT_S = 5.0
# Libraries that tell of each request or job at INFO.
QUIET_LOGGERS = ("uvicorn.access", "aiohttp.access", "httpx", "httpcore", "procrastinate", "alembic")
# Its warning at every attempt to connect may quote the address; app/postgres.py tells of each change once.
MUTED_LOGGERS = ("psycopg.pool",)

# Exceptions whose text names files, hosts or types. The text of any other one may quote what a user wrote
# (a ValueError its value, a database error its row), so only the class and the stack are kept.
_PLAIN_BUILTINS = (OSError, ImportError, NameError, AttributeError, TypeError, RecursionError, MemoryError)
_PLAIN_NAMES = frozenset(
    {"OperationalError", "InterfaceError", "PoolTimeout", "ConnectionError", "ClientConnectionError"}
)

_OWN_KEYWORDS = ("exc_info", "stack_info", "stacklevel")
_RESERVED = frozenset({"timestamp", "level", "logger", "message", "module", "function", "exception"})

ExceptionFacts: TypeAlias = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


def plain_text(error: BaseException) -> str:
    """Return the class of `error`, and its text where that cannot quote a prompt, an answer or a key."""
    name = type(error).__qualname__
    plain = isinstance(error, (SwitchyardError, *_PLAIN_BUILTINS)) and not isinstance(error, UnicodeError)
    if plain or any(parent.__name__ in _PLAIN_NAMES for parent in type(error).__mro__):
        return f"{name}: {_first_line(str(error))}"
    return name


def _first_line(text: str) -> str:
    line = text.splitlines()[0] if text else ""
    # Cut between words: half a secret would no longer be known for one.
    return line if len(line) <= TEXT_CHARS else line[:TEXT_CHARS].rpartition(" ")[0]


def render_exception(error: BaseException) -> str:
    """Return the chain of `error`, oldest first: frames, then `plain_text`.

    Frames come without their source lines: reading those would block the event loop that logs.
    """
    parts: list[str] = []
    seen: set[int] = set()
    link: BaseException | None = error
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        frames = [
            f'File "{frame.f_code.co_filename}", line {line}, in {frame.f_code.co_qualname}'
            for frame, line in traceback.walk_tb(link.__traceback__)
        ]
        parts.append("\n".join([*frames[-FRAMES:], plain_text(link)]))
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)
    return "\nthen\n".join(reversed(parts))


class JsonFormatter(MsgspecFormatter):
    """Renders a record, ours or a library's, to the one shape."""

    def __init__(self, constants: Mapping[str, str]) -> None:
        super().__init__(
            ["levelname", "name", "message", "module", "funcName"],
            style="sequence",
            rename_fields={"levelname": "level", "name": "logger", "funcName": "function", "exc_info": "exception"},
            timestamp=True,
            json_default=str,
        )
        self._constants = dict(constants)

    def process_log_record(self, log_data: LogData) -> LogData:
        """Order the fields and lift the bound ids and the facts to the top."""
        log_data.pop("color_message", None)
        bound: dict[str, object] = log_data.pop("bound", None) or {}
        facts: dict[str, object] = log_data.pop("facts", None) or {}
        level = str(log_data.pop("level")).lower()
        shaped: LogData = {"timestamp": log_data.pop("timestamp"), "level": level, **log_data, **self._constants}
        for key, value in {**bound, **facts}.items():
            shaped[f"{key}_" if key in _RESERVED else key] = value
        return shaped

    def jsonify_log_record(self, log_data: LogData) -> str:
        """Return the record as JSON that every reader of lines takes for one line."""
        return one_line(super().jsonify_log_record(log_data))

    def formatException(self, ei: ExceptionFacts) -> str:  # noqa: N802 - logging's name
        """Return the exception without texts that may quote a user."""
        return render_exception(ei[1]) if ei[1] is not None else ""


class BoundedQueueHandler(QueueHandler):
    """Hands records to the writing thread, or drops and counts them when it lags."""

    def __init__(self, lines: "queue.Queue[logging.LogRecord | None]") -> None:
        super().__init__(lines)
        self.dropped = 0

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        """Freeze the record in the calling thread: its text, its exception, and the ids bound here."""
        frozen = copy.copy(record)
        frozen.message = frozen.msg = record.getMessage()
        frozen.args = None
        if record.exc_info and record.exc_info[1] is not None:
            frozen.exc_text = render_exception(record.exc_info[1])
        frozen.exc_info = None
        bound = structlog.contextvars.get_contextvars()
        if bound:
            frozen.__dict__["bound"] = bound
        return frozen

    def enqueue(self, record: logging.LogRecord) -> None:
        """Never wait: a full queue drops the record."""
        try:
            self.queue.put_nowait(record)
        except queue.Full:
            self.dropped += 1

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """Tell which logger's record cannot be written, not what it holds: logging would write that to stderr."""
        self.lose(record)

    def lose(self, record: logging.LogRecord) -> None:
        """Have a line written in the place of a record that cannot be."""
        notice = logging.makeLogRecord({"name": __name__, "levelno": logging.ERROR, "levelname": "ERROR"})
        notice.msg = notice.message = "logs.unwritable"
        notice.__dict__["facts"] = {"of": record.name, "line": f"{record.module}:{record.lineno}"}
        self.enqueue(notice)


class LineWriter(logging.StreamHandler[TextIO]):
    """Writes lines without their secrets, and tells once how many were dropped since the last line."""

    def __init__(self, stream: TextIO, source: BoundedQueueHandler, mask: Mask) -> None:
        super().__init__(stream)
        self._source = source
        self._mask = mask
        self._told = 0

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, masked."""
        return self._mask.line(super().format(record))

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """Lose the record: logging itself would write its arguments, as they are, to stderr."""
        self._source.lose(record)

    def emit(self, record: logging.LogRecord) -> None:
        """Write `record`, after a line about lost ones."""
        self.tell_lost()
        super().emit(record)

    def tell_lost(self) -> None:
        """Write how many lines were lost since this was last told, if any were."""
        lost = self._source.dropped - self._told
        if lost <= 0:
            return
        self._told += lost
        notice = logging.makeLogRecord({"name": __name__, "levelno": logging.WARNING, "levelname": "WARNING"})
        notice.msg = "logs.dropped"
        notice.__dict__["facts"] = {"lines": lost}
        super().emit(notice)


class WritingThread(threading.Thread):
    """Writes records until it is given None. The standard library's listener cannot stop while its queue is full."""

    def __init__(self, lines: "queue.Queue[logging.LogRecord | None]", writer: LineWriter) -> None:
        super().__init__(name="logs", daemon=True)
        self._lines = lines
        self._writer = writer

    def run(self) -> None:
        """Write what comes."""
        while (record := self._lines.get()) is not None:
            self._writer.handle(record)
        self._writer.tell_lost()

    def close(self, limit_s: float) -> None:
        """Have what waits written; give up after `limit_s` twice over, when nobody reads the stream."""
        try:
            self._lines.put(None, timeout=limit_s)
        except queue.Full:
            return
        self.join(limit_s)


def to_record(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Turn a structlog event into arguments of `logging`; all facts travel in one field, so none can collide."""
    own = {name: event.pop(name) for name in _OWN_KEYWORDS if name in event}
    return {"msg": str(event.pop("event")), "extra": {"facts": event}, **own}


class Logs:
    """The logging of a process. `close` writes what waits."""

    def __init__(self, level: str, *, constants: Mapping[str, str], stream: TextIO, mask: Mask) -> None:
        lines: queue.Queue[logging.LogRecord | None] = queue.Queue(QUEUE_LINES)
        self._handler = BoundedQueueHandler(lines)
        writer = LineWriter(stream, self._handler, mask)
        writer.setFormatter(JsonFormatter(constants))
        self._thread = WritingThread(lines, writer)
        self._lock = threading.Lock()
        self._open = True
        self._install(level)
        self._thread.start()

    @property
    def dropped(self) -> int:
        """How many lines were lost because the writer lagged."""
        return self._handler.dropped

    def _install(self, level: str) -> None:
        root = logging.getLogger()
        for handler in list(root.handlers):
            root.removeHandler(handler)
        root.addHandler(self._handler)
        root.setLevel(level.upper())
        logging.captureWarnings(capture=True)
        for name in QUIET_LOGGERS:
            logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
        for name in MUTED_LOGGERS:
            logging.getLogger(name).setLevel(max(logging.ERROR, root.level))
        for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "uvicorn.asgi"):
            logger = logging.getLogger(name)
            logger.handlers.clear()
            logger.propagate = True

    def close(self) -> None:
        """Write what waits, stop the thread and take the handler away."""
        with self._lock:
            if not self._open:
                return
            self._open = False
        logging.getLogger().removeHandler(self._handler)
        self._thread.close(CLOSE_LIMIT_S)
        logging.captureWarnings(capture=False)


def bind_structlog(*, caches: bool) -> None:
    """Have structlog's loggers write by `logging`; by itself it writes to stdout."""
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, to_record],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=caches,
    )


def configure(
    level: str,
    *,
    process: str = "switchyard",
    constants: Mapping[str, str] | None = None,
    stream: TextIO | None = None,
    mask: Mask | None = None,
    caches: bool = True,
) -> Logs:
    """Make every logger of this process, structlog's and the libraries', write JSON lines to `stream` (stdout).

    `process` is on every line, like `constants`. `mask` knows this process's secrets; what stands where secrets do is
    masked without it too. `level` is a name that `logging` knows. With `caches`, a logger keeps this configuration from
    its first use on.
    """
    bind_structlog(caches=caches)
    fixed = {"process": process, **(constants or {})}
    return Logs(level, constants=fixed, stream=stream if stream is not None else sys.stdout, mask=mask or Mask())
