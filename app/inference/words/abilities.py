"""What a call needs a model to be able to do, beside answering."""

from enum import StrEnum


class Ability(StrEnum):
    """What not every model can, as Ollama's `capabilities` name it (types/model/capability.go).

    A schema of the answer is none: a node holds every model to it (server/routes.go, ChatHandler, `caps`).
    """

    TOOLS = "tools"
    """It knows how to ask for tools."""
    VISION = "vision"
    """It sees pictures."""
