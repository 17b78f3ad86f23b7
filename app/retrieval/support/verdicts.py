"""What is found of a sentence that is held against passages."""

from enum import StrEnum


class Supported(StrEnum):
    """Whether a sentence is supported."""

    YES = "yes"
    """The evidence says it."""
    NO = "no"
    """Nothing says it, or something else is said."""
    UNSURE = "unsure"
    """It is not contradicted, and too many of its words are others."""


class Lack(StrEnum):
    """What a sentence lacks that is not supported."""

    NUMBER = "number"
    """A number of it stands nowhere, or with another unit."""
    NAME = "name"
    """A name or a code of it stands nowhere."""
    DENIAL = "denial"
    """It says yes where its evidence says no, or the other way round."""
    MATCH = "match"
    """Its number is said of something else."""
    WORDS = "words"
    """Too few of its words stand anywhere together."""
