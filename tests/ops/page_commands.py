"""The commands that pages tell people to type: in blocks of code, and in lines of text."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = tuple(
    path
    for pattern in ("README.md", "CONTRIBUTING.md", "docs/quickstart.md", "docs/how-to/*.md", "ops/runbooks/*.md")
    for path in sorted(ROOT.glob(pattern))
)
_BLOCK = re.compile(r"^ *```(\w*)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"(?<!`)`([^`]+)`(?!`)")
_BEGINS = re.compile(r"^(docker compose|docker|curl|make|switchyard|\.venv/bin/\S+|python -m|ops/\S+\.sh) ")
ENDS = {"|", "&&", ";", "||", ">", "2>&1"}


@dataclass(frozen=True, slots=True)
class Command:
    """One command with its words, and the page it stands on."""

    page: str
    words: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.page}: {' '.join(self.words)}"

    def after(self, *prefix: str) -> tuple[str, ...] | None:
        """Return the words after `prefix`, or None where the command begins otherwise."""
        return self.words[len(prefix) :] if self.words[: len(prefix)] == prefix else None


def commands() -> tuple[Command, ...]:
    """Return every command of every page; what follows a pipe or `&&` is a command of its own."""
    return tuple(
        Command(page.relative_to(ROOT).as_posix(), words)
        for page in PAGES
        for line in lines(page.read_text(encoding="utf-8"))
        for words in parts(line)
    )


def lines(text: str) -> Iterator[str]:
    """Yield the shell lines of a page, each whole: with what follows a backslash or an open quote."""
    for language, block in _BLOCK.findall(text):
        if language in {"", "sh", "bash"}:
            yield from _joined(block)
    for found in _INLINE.findall(_BLOCK.sub("", text)):
        line = " ".join(found.split())
        if _BEGINS.match(line) and _splits(line):
            yield line


def parts(line: str) -> Iterator[tuple[str, ...]]:
    """Yield the words of each command of a line, without variables set before it."""
    words: list[str] = []
    for word in (*shlex.split(re.sub(r" < \S+", "", line), comments=True), ";"):
        if word not in ENDS:
            words.append(word)
        elif words:
            while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
                words.pop(0)
            if words:
                yield tuple(words)
            words = []


def _joined(block: str) -> Iterator[str]:
    held = ""
    for line in block.splitlines():
        held = f"{held}\n{line}" if held else line.strip()
        if held.endswith("\\"):
            held = held[:-1]
        elif _splits(held):
            if held.strip() and not held.startswith("#"):
                yield held.strip()
            held = ""


def _splits(text: str) -> bool:
    try:
        shlex.split(text, comments=True)
    except ValueError:
        return False
    return True
