"""How a process of the platform begins and ends: settings, logs, its work, and one line when it cannot start."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping

import structlog
import uvloop

from app.agents.prompts import PromptWrong
from app.console import Console
from app.inference.catalogue import CatalogueWrong
from app.settings import Settings, SettingsWrong, read_settings
from app.telemetry import logs

log = structlog.get_logger(__name__)

DONE, FAILED, MISCONFIGURED = 0, 1, 2


class CannotStart(Exception):
    """Something that a process needs for itself, like its address, cannot be had; the message says what and why."""


def run_process(
    work: Callable[[Settings], Coroutine[object, object, None]], environ: Mapping[str, str], notes: Console
) -> int:
    """Read the settings and do `work` with them; return the exit status.

    0: `work` ended. 2: settings or files that they name cannot be used. 1: anything else that ended it, such as an
    address that is taken. What ended it is one line on `notes`; the log has the chain.
    """
    try:
        settings = read_settings(environ)
    except SettingsWrong as error:
        return _end(notes, error, MISCONFIGURED)
    lines = logs.configure(settings.log_level, process=settings.replica)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(work(settings))
    except (SettingsWrong, CatalogueWrong, PromptWrong) as error:
        return _end(notes, error, MISCONFIGURED)
    except KeyboardInterrupt:
        return DONE
    except CannotStart as error:
        log.critical("process.cannot_start", detail=str(error))
        return _end(notes, error, FAILED)
    except Exception as error:
        log.critical("process.ended", exc_info=error)
        return _end(notes, error, FAILED)
    finally:
        lines.close()
    return DONE


def _end(notes: Console, error: Exception, status: int) -> int:
    is_ours = isinstance(error, (SettingsWrong, CatalogueWrong, PromptWrong, CannotStart))
    text = " ".join(str(error).split()) if is_ours else logs.plain_text(error)
    notes.say(f"switchyard: {text}")
    return status
