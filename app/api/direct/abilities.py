"""What the names that clients give as a model can do, and what is asked of them."""

from collections.abc import Sequence

from app.api.direct.talk import Ask
from app.errors import BadInput
from app.inference.words.offers import Offer
from app.inference.words.records import CallKind


def offer_of(name: str, offers: Sequence[Offer]) -> Offer | None:
    """Return the offer of that name, None if there is none; `:latest` may be said or left out."""
    return next((one for one in offers if _plain(one.name) == _plain(name)), None)


def check_abilities(ask: Ask, offers: Sequence[Offer]) -> None:
    """Raise BadInput when the named model cannot do what is asked, in Ollama's words; unknown names pass."""
    offer = offer_of(ask.model, offers)
    if offer is None:
        return
    if offer.kind is CallKind.EMBED:
        raise BadInput(f'"{ask.model}" does not support chat', field="model")
    for word, asked, can in (
        ("thinking", bool(ask.think), offer.thinks),
        ("tools", bool(ask.tools), offer.uses_tools),
        ("vision", has_pictures(ask), offer.sees),
    ):
        if asked and not can:
            raise BadInput(f'"{ask.model}" does not support {word}', field="model")


def has_pictures(ask: Ask) -> bool:
    """Whether pictures are among what is asked."""
    return any(message.images for message in ask.messages)


def _plain(name: str) -> str:
    return name.removesuffix(":latest").lower()
