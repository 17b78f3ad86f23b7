"""The promises of `docs/requirements.toml`, read and checked."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

SAYS_CHARACTERS = 240
WHOLE = "all"
"""In `declined`: the whole promise is declined, not a part of it."""


class Promise(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One promise. `group` begins with the source's letters: `INS: API`.

    `left` says what no test holds yet, `declined` what is not going to be built (or `all`), and `adr` is the name of
    the decision that says why: `docs/adr/NNNN-<adr>.md`. Its state is computed, never written down.
    """

    id: str
    group: str
    says: str
    left: str = ""
    declined: str = ""
    adr: str = ""

    @property
    def source(self) -> str:
        """The letters of the source design: `INS`."""
        return self.id.partition("-")[0]

    @property
    def is_declined(self) -> bool:
        """Whether nothing of it is going to be built."""
        return self.declined == WHOLE


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


def _faults(promise: Promise, decisions: Path) -> Iterator[str]:
    if not 0 < len(promise.says) <= SAYS_CHARACTERS or promise.says != " ".join(promise.says.split()):
        yield f"`says` is one line of at most {SAYS_CHARACTERS} characters"
    if not promise.group.startswith(f"{promise.source}: "):
        yield f"its group is not of {promise.source}"
    if bool(promise.declined) != bool(promise.adr):
        yield "`declined` and `adr` belong together"
    if promise.is_declined and promise.left:
        yield "what is declined as a whole has nothing left"
    if promise.adr:
        decision = find_decision(decisions, promise.adr)
        if decision is None:
            yield f"there is no decision {promise.adr}"
        elif promise.id not in decision.read_text(encoding="utf-8"):
            yield f"{decision.name} does not name it"
