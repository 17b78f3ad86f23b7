"""What a client may name as a model, and what it can do."""

import msgspec

from app.inference.words.records import CallKind

AUTO = "auto"
"""The name that lets the question choose."""
TEAM = "team:"
"""What the name of a team begins with."""


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """One name that a client may give as a model: `auto`, a tier, `team:<name>`, or a model of the catalogue.

    `num_ctx` is the largest context, `digest` that of the weights where there is one model behind the name.
    """

    name: str
    kind: CallKind = CallKind.CHAT
    num_ctx: int
    thinks: bool = False
    sees: bool = False
    uses_tools: bool = False
    digest: str = ""
    size_bytes: int = 0


class InMemory(msgspec.Struct, frozen=True, kw_only=True):
    """A model that is in the memory of at least one node, with the largest context that it has there."""

    name: str
    digest: str
    num_ctx: int
    size_bytes: int = 0
