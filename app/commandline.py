"""A command line that answers a mistake in one line."""

import argparse
from collections.abc import Awaitable, Callable
from typing import NoReturn

from app.mistakes import MISCONFIGURED
from app.text import one_line


class Parser(argparse.ArgumentParser):
    """Says what is wrong and where help is, instead of the whole usage; ends the process with status 2."""

    def error(self, message: str) -> NoReturn:
        """End the process with one line on stderr."""
        self.exit(MISCONFIGURED, f"{self.prog}: {one_line(message)}; see `{self.prog} --help`\n")


def acts(parser: argparse.ArgumentParser, act: Callable[..., Awaitable[None]]) -> argparse.ArgumentParser:
    """Have a command do `act`, and answer as JSON if it is told to; returns its parser."""
    parser.add_argument("--json", action="store_true", help="answer as JSON")
    parser.set_defaults(act=act)
    return parser
