"""A command line that answers a mistake in one line."""

import argparse
import math
from collections.abc import Awaitable, Callable
from typing import NoReturn

from app.mistakes import MISCONFIGURED
from app.text import one_line


class Parser(argparse.ArgumentParser):
    """Says what is wrong and where help is, instead of the whole usage; ends the process with status 2."""

    def error(self, message: str) -> NoReturn:
        """End the process with one line on stderr."""
        self.exit(MISCONFIGURED, f"{self.prog}: {one_line(message)}; see `{self.prog} --help`\n")


def finite(text: str) -> float:
    """Return the number that an argument names. Raises ArgumentTypeError for what JSON cannot write."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"{text!r} is no number")
    return value


def whole(text: str) -> int:
    """Return the whole number above 0 that an argument names. Raises ArgumentTypeError."""
    if not (text.isascii() and text.isdecimal() and len(text) <= 9 and int(text)):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number above 0")
    return int(text)


def share(text: str) -> float:
    """Return the number from 0 to below 1 that an argument names. Raises ArgumentTypeError."""
    value = finite(text)
    if not 0 <= value < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not from 0 to below 1")
    return value


def acts(parser: argparse.ArgumentParser, act: Callable[..., Awaitable[None]]) -> argparse.ArgumentParser:
    """Have a command do `act`, and answer as JSON if it is told to; returns its parser."""
    parser.add_argument("--json", action="store_true", help="answer as JSON")
    parser.set_defaults(act=act)
    return parser
