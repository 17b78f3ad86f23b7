"""What an answer can lack, whichever part it is that was away."""

from enum import StrEnum


class Degradation(StrEnum):
    """What an answer had to do without."""

    RETRIEVAL = "retrieval"
    """No passages: Qdrant, or the node that embeds, did not answer."""
    RERANK = "rerank"
    """Passages came in the order of their scores: the reranker did not answer in time."""
    EVENTS = "events"
    """Redis did not take the event log: a cut stream could not be continued from another process."""
    COORDINATION = "coordination"
    """Slots were counted by this replica alone."""
    TIER = "tier"
    """No node served the tier, so another one answered."""
    HISTORY = "history"
    """Earlier turns of the session were left out, oldest first: the model's context has no room for them."""
    PROMPT_TRUNCATED = "prompt_truncated"
    """The node counted fewer tokens than the prompt has for certain: it dropped a part of it."""
    THINKING = "thinking"
    """It was asked for, and the model that answered cannot think."""
