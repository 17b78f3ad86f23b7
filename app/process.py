"""How a process of the platform begins and ends: configuration, logs, its work, and one line when it cannot start."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping

import structlog
import uvloop

from app.configuration import Configuration, read_configuration, tell_injected
from app.console import Console
from app.mistakes import MISCONFIGURED, ConfigurationWrong
from app.settings import PREFIX
from app.telemetry import logs
from app.telemetry.crashes import Crashes
from app.telemetry.secrets import mask_of

log = structlog.get_logger(__name__)

DONE, FAILED = 0, 1


class CannotStart(Exception):
    """Something that a process needs for itself, like its address, cannot be had; the message says what and why."""


def watched(environ: Mapping[str, str], notes: Console) -> Console:
    """Return `notes` as it may be used from now on: masked; and have this process's last words masked too."""
    masked = notes.masked(mask_of(environ, PREFIX))
    Crashes(masked.say).watch()
    return masked


def run_process(
    work: Callable[[Configuration], Coroutine[object, object, None]], environ: Mapping[str, str], notes: Console
) -> int:
    """Read the configuration and do `work` with it; return the exit status.

    0: `work` ended. 2: the configuration is wrong, and every mistake is a line on `notes`. 1: anything else that ended
    it, such as an address that is taken: it is one line on `notes`, and the log has the chain.
    """
    mask = mask_of(environ, PREFIX)
    notes = notes.masked(mask)
    try:
        configuration = read_configuration(environ)
    except ConfigurationWrong as error:
        notes.say(f"switchyard: {error}")
        return MISCONFIGURED
    settings = configuration.settings
    lines = logs.configure(settings.log_level, process=settings.replica, mask=mask)
    tell_injected(configuration)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(work(configuration))
    except KeyboardInterrupt:
        return DONE
    except CannotStart as error:
        log.critical("process.cannot_start", detail=str(error))
        return _end(notes, error)
    except Exception as error:
        log.critical("process.ended", exc_info=error)
        return _end(notes, error)
    finally:
        lines.close()
    return DONE


def _end(notes: Console, error: Exception) -> int:
    text = " ".join(str(error).split()) if isinstance(error, CannotStart) else logs.plain_text(error)
    notes.say(f"switchyard: {text}")
    return FAILED
