"""The local stack: `python -m ops.local up|down|status|logs|demo`."""

import argparse
import os
import signal
import sys
from collections.abc import Sequence

from app.commandline import Parser
from app.finish import finish
from app.mistakes import MISCONFIGURED, ConfigurationWrong
from app.telemetry.crashes import Crashes
from ops.local import commands, demo
from ops.local.choices import directory_from, mask_from
from ops.local.console import Console
from ops.local.logs import show_logs
from ops.local.problems import LocalProblem


def _count(text: str) -> int:
    if not (text.isascii() and text.isdecimal()):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of lines")
    return int(text)


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="python -m ops.local", description=__doc__)
    add = parser.add_subparsers(dest="command", required=True, metavar="up|down|status|logs|demo").add_parser
    starting = add("up", help="start the stack; returns when it is ready")
    starting.add_argument("--foreground", action="store_true", help="stay, and stop everything on Ctrl-C")
    starting.add_argument(
        "--system", action="store_true", help="prefer servers and programs of this machine to the bundled ones"
    )
    add("down", help="stop the stack; its data stays")
    add("status", help="show address, demo key, parts and models").add_argument("--json", action="store_true")
    logs = add("logs", help="show the logs of all parts, or of some")
    logs.add_argument("parts", nargs="*", metavar="part", help="as `status` names them; else all")
    logs.add_argument("-f", "--follow", action="store_true", help="go on with what is added, until Ctrl-C")
    logs.add_argument("-n", "--lines", type=_count, default=20, help="how many of the last lines (%(default)s)")
    demo.add_arguments(add("demo", help="ask a stack real questions and show what each answer took"))
    return parser


def _run(given: argparse.Namespace, console: Console) -> int:
    match given.command:
        case "up":
            signal.signal(signal.SIGTERM, signal.default_int_handler)  # like Ctrl-C: what was begun is stopped
            return commands.up(os.environ, console, is_system=given.system, is_foreground=given.foreground)
        case "down":
            return commands.down(os.environ, console)
        case "status":
            return commands.status(os.environ, console, is_json=given.json)
        case "logs":
            directory = directory_from(os.environ)
            masked = Console(sys.stdout, mask=mask_from(os.environ))
            return show_logs(directory, given.parts, lines=given.lines, is_following=given.follow, console=masked)
        case _:
            signal.signal(signal.SIGTERM, signal.default_int_handler)
            return demo.run(os.environ, console, documents=given.documents, is_kept=given.keep)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit status. Raises BrokenPipeError when nobody reads the output."""
    given = _parser().parse_args(arguments)
    console, mask = Console(sys.stdout), mask_from(os.environ)
    Crashes(Console(sys.stderr, mask=mask).say).watch()
    try:
        return _run(given, console)
    except BrokenPipeError:
        raise
    except ConfigurationWrong as wrong:
        Console(sys.stderr, mask=mask_from(os.environ)).say(f"switchyard: {wrong}")
        return MISCONFIGURED
    except (LocalProblem, OSError) as problem:
        # Asked for again: a first `up` has made passwords since.
        Console(sys.stderr, mask=mask_from(os.environ)).say(f"error: {problem}")
        return 1


if __name__ == "__main__":
    # What `head` cuts is no failure.
    finish(main, unread=0)
