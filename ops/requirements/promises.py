"""The promises of `docs/requirements.toml` with their clauses, read and checked."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from enum import StrEnum
from pathlib import Path

import msgspec

SAYS_CHARACTERS = 240
WHOLE = "all"
"""In `declined`: the whole promise is declined, not a part of it."""
_WORD = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


class Server(StrEnum):
    """A server of another project that tests meet as a double, unless they are told where a real one is."""

    OLLAMA = "ollama"
    QDRANT = "qdrant"


class Clause(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One thing that a promise says, small enough for one break to undo it; `id` is a short word.

    `server` names the server that it is about: what ran only against its double is not held. `adr` is the name of the
    decision not to build it. Its state is computed, never written down.
    """

    id: str
    says: str
    server: Server | None = None
    adr: str = ""


class Promise(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One promise. `group` begins with the source's letters: `INS: API`.

    A promise is held by its clauses. Until it is split into them, `left` says what no test holds and `declined` what is
    not going to be built (or `all`); `adr` is the name of the decision that says why: `docs/adr/NNNN-<adr>.md`.
    """

    id: str
    group: str
    says: str
    left: str = ""
    declined: str = ""
    adr: str = ""
    clause: tuple[Clause, ...] = ()

    @property
    def source(self) -> str:
        """The letters of the source design: `INS`."""
        return self.id.partition("-")[0]

    @property
    def is_declined(self) -> bool:
        """Whether nothing of it is going to be built."""
        return self.declined == WHOLE

    def name_of(self, clause: Clause) -> str:
        """Return what markers and breaks call a clause: `INS-24.status`."""
        return f"{self.id}.{clause.id}"


class Promises(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file."""

    promise: tuple[Promise, ...]


class PromisesWrong(Exception):
    """The file cannot be read as promises."""


def read(path: Path) -> tuple[Promise, ...]:
    """Return the promises in the order of the file; raises PromisesWrong for an unknown field or a missing one."""
    try:
        return msgspec.toml.decode(path.read_bytes(), type=Promises).promise
    except (OSError, UnicodeDecodeError, msgspec.MsgspecError) as error:
        raise PromisesWrong(f"{path.name}: {error}") from error


def find_decision(directory: Path, name: str) -> Path | None:
    """Return the decision record called `name` in `directory`, whatever its number."""
    return next(iter(sorted(directory.glob(f"[0-9][0-9][0-9][0-9]-{name}.md"))), None)


def faults(promises: Sequence[Promise], decisions: Path) -> list[str]:
    """Return what is wrong with the promises themselves; `decisions` is the folder of the decision records."""
    counts = Counter(promise.id for promise in promises)
    found = [f"{name} stands {count} times" for name, count in counts.items() if count > 1]
    for promise in promises:
        found += [f"{promise.id}: {fault}" for fault in _faults(promise, decisions)]
    return found


def clause_names(promises: Sequence[Promise]) -> frozenset[str]:
    """Return the names of the clauses that a break may prove: all that are not declined."""
    return frozenset(one.name_of(clause) for one in promises for clause in one.clause if not clause.adr)


def _faults(promise: Promise, decisions: Path) -> Iterator[str]:
    if not _is_line(promise.says):
        yield f"`says` is one line of at most {SAYS_CHARACTERS} characters"
    if not promise.group.startswith(f"{promise.source}: "):
        yield f"its group is not of {promise.source}"
    if bool(promise.declined) != bool(promise.adr):
        yield "`declined` and `adr` belong together"
    if promise.is_declined and (promise.left or promise.clause):
        yield "what is declined as a whole has nothing left and no clauses"
    if promise.clause and (promise.left or promise.adr):
        yield "its clauses say what is left and what is declined"
    for adr in dict.fromkeys((promise.adr, *(clause.adr for clause in promise.clause))):
        yield from _decision_faults(promise.id, adr, decisions)
    yield from _clause_faults(promise.clause)


def _decision_faults(name: str, adr: str, decisions: Path) -> Iterator[str]:
    if not adr:
        return
    decision = find_decision(decisions, adr)
    if decision is None:
        yield f"there is no decision {adr}"
    elif name not in decision.read_text(encoding="utf-8"):
        yield f"{decision.name} does not name it"


def _clause_faults(clauses: Sequence[Clause]) -> Iterator[str]:
    for name, count in Counter(clause.id for clause in clauses).items():
        if count > 1:
            yield f"clause {name} stands {count} times"
    for clause in clauses:
        if not _WORD.fullmatch(clause.id):
            yield f"the id of clause {clause.id} is not a short word in small letters"
        if not _is_line(clause.says):
            yield f"clause {clause.id}: `says` is one line of at most {SAYS_CHARACTERS} characters"


def _is_line(text: str) -> bool:
    return 0 < len(text) <= SAYS_CHARACTERS and text == " ".join(text.split())
