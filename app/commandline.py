"""A command line that answers a mistake in one line."""

import argparse
from typing import NoReturn

from app.mistakes import MISCONFIGURED
from app.text import one_line


class Parser(argparse.ArgumentParser):
    """Says what is wrong and where help is, instead of the whole usage; ends the process with status 2."""

    def error(self, message: str) -> NoReturn:
        """End the process with one line on stderr."""
        self.exit(MISCONFIGURED, f"{self.prog}: {one_line(message)}; see `{self.prog} --help`\n")
