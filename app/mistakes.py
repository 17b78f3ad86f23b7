"""What is wrong in the configuration, all of it at once."""

from collections.abc import Sequence

import msgspec

MISCONFIGURED = 2
"""The exit status of every process and command whose configuration is wrong."""


class Mistake(msgspec.Struct, frozen=True):
    """One thing that is wrong: its place (a variable, a file, an entry in it) and the reason. It quotes no secret."""

    place: str
    reason: str

    def __str__(self) -> str:
        return f"{self.place}: {self.reason}"


class ConfigurationWrong(Exception):
    """The configuration cannot be used; `mistakes` are all that were found, and the text lists them a line each."""

    def __init__(self, *mistakes: Mistake) -> None:
        super().__init__(*mistakes)
        self.mistakes: Sequence[Mistake] = mistakes

    def __str__(self) -> str:
        if len(self.mistakes) == 1:
            return str(self.mistakes[0])
        return "\n".join(
            [f"{len(self.mistakes)} mistakes in the configuration", *(f"  {one}" for one in self.mistakes)]
        )
