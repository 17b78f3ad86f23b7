"""What a client of a dialect means by `model`: one function reads it."""

import re
from typing import TypeAlias

import msgspec

from app.errors import ModelUnknown
from app.inference.words.tiers import Tier

AUTO = "auto"
TEAM = "team:"
# Clients of Ollama's add it to every name that has no tag.
_LATEST = ":latest"
_NAME = re.compile(r"[^\x00-\x20\x7f]{1,400}")
_TEAM_NAME = re.compile(r"[a-z][a-z0-9_-]{0,62}")


class Rated(msgspec.Struct, frozen=True):
    """`auto`: the question is rated, and a model of its tier answers."""


class OfTier(msgspec.Struct, frozen=True):
    """A tier: one of its models answers."""

    tier: Tier


class OfTeam(msgspec.Struct, frozen=True):
    """`team:<name>`: a run of that team answers, in a session of its own."""

    team: str


class OfModel(msgspec.Struct, frozen=True):
    """A model of the catalogue, as Ollama names it."""

    name: str


Wanted: TypeAlias = Rated | OfTier | OfTeam | OfModel


def read_wanted(name: str) -> Wanted:
    """Return who is to answer. Raises ModelUnknown for what can be no name; nobody looks whether a model is there."""
    plain = name.strip()
    untagged = plain.removesuffix(_LATEST)
    if untagged == AUTO:
        return Rated()
    if untagged in set(Tier):
        return OfTier(Tier(untagged))
    if untagged.startswith(TEAM):
        team = untagged.removeprefix(TEAM)
        if _TEAM_NAME.fullmatch(team) is None:
            raise model_unknown(plain)
        return OfTeam(team)
    if _NAME.fullmatch(plain) is None:
        raise model_unknown(plain)
    return OfModel(plain)


def model_unknown(name: str) -> ModelUnknown:
    """Return the refusal of a name that nobody knows here."""
    shown = name if _NAME.fullmatch(name) else ""
    return ModelUnknown(f"there is no model {shown!r} here; the list of models has every name", model=shown)
