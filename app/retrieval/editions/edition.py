"""What an edition of the index is, and in which states it stands."""

from enum import StrEnum

import msgspec

RECALLED = 10
"""Shadow recall looks for a chunk among so many of the nearest ones."""
TOLERANCE = 0.02
"""Part of the sample that another edition may find less of, and is not worse: two of a hundred are chance."""


class EditionState(StrEnum):
    """Where an edition stands. Of one alias exactly one serves, and there is at most one other."""

    BUILDING = "building"
    """It is being given every document; nobody asks it."""
    SERVING = "serving"
    """Questions are asked of it."""
    PREVIOUS = "previous"
    """It served before, and is given every document still: one can go back to it."""
    RETIRED = "retired"
    """Nobody reads or writes it any more; its collection is being removed."""


class Recall(msgspec.Struct, frozen=True):
    """How often a chunk was found by one of its own sentences among the nearest ten: of `asked`, in each edition."""

    asked: int
    serving: int
    other: int

    @property
    def is_worse(self) -> bool:
        """Whether the other edition finds clearly less than the one that serves."""
        return self.serving - self.other > TOLERANCE * self.asked


class Edition(msgspec.Struct, frozen=True):
    """The index by one embedding model; `dense_size` is None until the model was asked for the length of its vectors.

    `problem` is what keeps the model from being asked.
    """

    alias: str
    number: int
    model: str
    dense_size: int | None
    state: EditionState
    problem: str | None = None
    recall: Recall | None = None

    @property
    def name(self) -> str:
        """The alias of its collection: fixed for its life, whatever shapes the collection takes."""
        return f"{self.alias}_e{self.number}"


class Progress(msgspec.Struct, frozen=True):
    """How far an edition is: live documents that it should have, those it was given, those it cannot have."""

    documents: int
    given: int
    failed: int

    @property
    def lacking(self) -> int:
        """Live documents that it does not have."""
        return self.documents - self.given
