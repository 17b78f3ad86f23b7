"""Answers that were paid for once: kept by question and model, so that a run that was ended goes on where it stood."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import msgspec

from ops.local.process import REPOSITORY
from ops.verify.answers import MAX_TOKENS, SEED, Asked
from ops.verify.questions import Question

READ_BY_MODELS = ("prompts", "samples/handbook")
"""What goes into every prompt; answers to other prompts are other answers."""


class Kept(msgspec.Struct, frozen=True):
    """One answer, under what it was the answer to, and the commit that asked."""

    key: str
    commit: str
    asked: Asked


@dataclass(slots=True)
class Shelf:
    """The answers of a file, one a line; what is new is added to it at once."""

    file: Path
    commit: str
    prompts: str
    said: int = 0
    """Answers that were asked for in this run."""
    found: dict[str, Kept] = field(default_factory=dict[str, Kept])

    @classmethod
    def open(cls, file: Path, commit: str) -> "Shelf":
        """Read what is kept; a line that the end of a process cut short is left out."""
        shelf = cls(file, commit, fingerprint(REPOSITORY))
        lines = file.read_bytes().splitlines() if file.is_file() else []
        for line in lines:
            try:
                kept = msgspec.json.decode(line, type=Kept)
            except msgspec.MsgspecError:
                continue
            shelf.found[kept.key] = kept
        return shelf

    def key(self, question: Question, model: str) -> str:
        """Return what an answer depends on: the model's digest, the prompt, and how it was asked."""
        parts = (model, self.prompts, question.ask, str(MAX_TOKENS), str(SEED))
        return sha256("\0".join(parts).encode()).hexdigest()

    def has(self, question: Question, model: str) -> bool:
        """Whether the answer is there."""
        return self.key(question, model) in self.found

    def answer(self, question: Question, model: str, ask: Callable[[], Asked]) -> Asked:
        """Return the kept answer, or ask and keep what comes; what failed is asked again the next time."""
        key = self.key(question, model)
        if key in self.found:
            return self.found[key].asked
        asked, self.said = ask(), self.said + 1
        if not asked.error:
            self.found[key] = Kept(key, self.commit, asked)
            self.file.parent.mkdir(parents=True, exist_ok=True)
            with self.file.open("ab") as file:
                file.write(msgspec.json.encode(self.found[key]) + b"\n")
        return asked

    def commits(self, keys: Mapping[str, object]) -> list[str]:
        """Return the commits that asked for these answers."""
        return sorted({self.found[key].commit for key in keys if key in self.found})


def fingerprint(root: Path) -> str:
    """Return a digest of all that goes into every prompt beside the question."""
    found = sha256()
    for folder in READ_BY_MODELS:
        for path in sorted((root / folder).rglob("*")):
            if path.is_file():
                found.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    return found.hexdigest()
