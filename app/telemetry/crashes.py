"""What ends unhandled is written without its secrets, whoever would have written it."""

import logging
import sys
import threading
from collections.abc import Callable
from types import TracebackType

from app.telemetry.logs import ExceptionFacts, bind_structlog, render_exception

_log = logging.getLogger(__name__)


class Crashes:
    """Takes the place of the interpreter's own last words, which quote every text as it is."""

    def __init__(self, say: Callable[[str], None]) -> None:
        """`say` writes masked lines."""
        self._say = say

    def watch(self) -> None:
        """From now on, tell of what ends the process or a thread, or is lost in a finaliser."""
        sys.excepthook = self.ended
        threading.excepthook = self.thread_ended
        sys.unraisablehook = self.finaliser_failed

    def ended(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        """Write the exception that ends this process: its frames, and its text where that quotes no user."""
        del kind, trace
        self._say(render_exception(error))

    def thread_ended(self, ended: threading.ExceptHookArgs) -> None:
        """Log the exception that ends a thread."""
        if ended.exc_value is not None and not isinstance(ended.exc_value, SystemExit):
            name = ended.thread.name if ended.thread is not None else "unknown"
            self._tell("a thread ended by an exception: %s", name, ended.exc_value)

    def finaliser_failed(self, failed: "sys.UnraisableHookArgs") -> None:
        """Log an exception that nobody can catch."""
        if failed.exc_value is not None:
            self._tell("an exception was lost in %s", type(failed.object).__qualname__, failed.exc_value)

    def _tell(self, message: str, where: str, error: BaseException) -> None:
        if logging.getLogger().hasHandlers():
            _log.error(message, where, exc_info=error)
        else:
            self._say(f"{message % where}\n{render_exception(error)}")


def quieten_libraries(say: Callable[[str], None]) -> None:
    """Have errors of libraries and of ours, and nothing below, said as masked lines: for a command without a log."""
    bind_structlog(caches=True)
    told = _Said(say)
    told.setFormatter(_Plain("%(name)s: %(message)s"))
    told.setLevel(logging.ERROR)
    logging.getLogger().addHandler(told)
    logging.captureWarnings(capture=True)


class _Said(logging.Handler):
    def __init__(self, say: Callable[[str], None]) -> None:
        super().__init__()
        self._say = say

    def emit(self, record: logging.LogRecord) -> None:
        self._say(self.format(record))


class _Plain(logging.Formatter):
    def formatException(self, ei: ExceptionFacts) -> str:  # noqa: N802 - logging's name
        return render_exception(ei[1]) if ei[1] is not None else ""
