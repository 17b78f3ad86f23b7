"""What becomes of the sentences of an answer that its passages do not support, and who says an answer."""

from enum import StrEnum

from app.inference.words.tiers import TIERS, Tier


class SupportPolicy(StrEnum):
    """What becomes of the sentences of an answer that no passage supports."""

    MARKED = "marked"
    """They are shown, and marked in `support`."""
    SUPPORTED_ONLY = "supported_only"
    """They are withheld; where nothing is left, a passage's words answer, or it is admitted that none do."""


class AnsweredBy(StrEnum):
    """Whose words an answer is."""

    MODEL = "model"
    """A model's."""
    EXTRACT = "extract"
    """A passage's own: a sentence, a cell of a table, a section."""
    ADMISSION = "admission"
    """Nobody's: that the documents do not say it."""


ADMITTED = "I do not know: the documents that were found do not say it."


BY_MODELS = "auto"
"""What the setting says where `nodes.toml` marks the models that read poorly."""


def tiers_up_to(tier: str, reading_poorly: frozenset[Tier] = frozenset()) -> frozenset[Tier]:
    """Return the tiers from the lowest to this one: none for `none`, those of models that read poorly for `auto`."""
    if tier == BY_MODELS:
        return reading_poorly
    return frozenset() if tier == "none" else frozenset(TIERS[: TIERS.index(Tier(tier)) + 1])
