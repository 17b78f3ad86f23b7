"""What /api/tags, /api/show and /api/ps of Ollama's interface say (ollama, api/types.go, ListModelResponse)."""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from app.api.direct.abilities import offer_of
from app.api.ollama.told import instant
from app.errors import ModelUnknown
from app.inference.words.offers import InMemory, Offer
from app.inference.words.records import CallKind

OLLAMA_VERSION = "0.33.0"
"""The Ollama whose interface this is: clients ask before they use what is newer."""
NEVER = "0001-01-01T00:00:00Z"
"""Go's zero time, which its clients show as `Never`."""
STAYS = timedelta(days=100 * 365)
"""More than twenty years, which they show as `Forever` (ollama, format/time.go): nobody else decides it."""
FAMILY = "switchyard"


class Details(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """The `details` of a model (ollama, api/types.go, ModelDetails)."""

    parent_model: str
    format: str
    family: str
    families: tuple[str, ...]
    parameter_size: str
    quantization_level: str
    context_length: int = 0


class TagsEntry(msgspec.Struct, frozen=True, kw_only=True):
    """An entry of /api/tags."""

    name: str
    model: str
    modified_at: str
    size: int
    digest: str
    details: Details
    capabilities: tuple[str, ...]


class TagsReply(msgspec.Struct, frozen=True):
    """The reply of /api/tags."""

    models: tuple[TagsEntry, ...]


class PsEntry(msgspec.Struct, frozen=True, kw_only=True):
    """An entry of /api/ps."""

    name: str
    model: str
    size: int
    digest: str
    details: Details
    expires_at: str
    size_vram: int
    context_length: int


class PsReply(msgspec.Struct, frozen=True):
    """The reply of /api/ps."""

    models: tuple[PsEntry, ...]


class ShowReply(msgspec.Struct, frozen=True, kw_only=True, rename={"facts": "model_info"}):
    """The reply of /api/show."""

    modelfile: str
    template: str
    details: Details
    facts: dict[str, str | int]
    capabilities: tuple[str, ...]
    modified_at: str


class VersionReply(msgspec.Struct, frozen=True):
    """The reply of /api/version."""

    version: str


def tags_reply(offers: Sequence[Offer]) -> TagsReply:
    """Return every name that a client may give."""
    return TagsReply(tuple(_entry(offer) for offer in offers))


def ps_reply(loaded: Sequence[InMemory], now: datetime) -> PsReply:
    """Return the models that are in memory somewhere."""
    return PsReply(
        tuple(
            PsEntry(
                name=one.name,
                model=one.name,
                size=one.size_bytes,
                digest=_digest(one.name, one.digest),
                details=_details(0),
                expires_at=instant((now + STAYS).astimezone(UTC)),
                size_vram=one.size_bytes,
                context_length=one.num_ctx,
            )
            for one in loaded
        )
    )


def show_reply(name: str, offers: Sequence[Offer]) -> ShowReply:
    """Return what is known of one name. Raises ModelUnknown."""
    offer = find_offer(name, offers)
    return ShowReply(
        modelfile=f"# {offer.name} is served by this installation\nFROM {offer.name}\n",
        template="",
        details=_details(0),
        facts={
            "general.architecture": FAMILY,
            "general.basename": offer.name,
            f"{FAMILY}.context_length": offer.num_ctx,
        },
        capabilities=capabilities_of(offer),
        modified_at=NEVER,
    )


def find_offer(name: str, offers: Sequence[Offer]) -> Offer:
    """Return the offer of that name; `:latest` may be said or left out. Raises ModelUnknown."""
    offer = offer_of(name, offers)
    if offer is None:
        raise ModelUnknown(f"there is no model {name!r} here", model=name)
    return offer


def capabilities_of(offer: Offer) -> tuple[str, ...]:
    """Return Ollama's words for what a name can do (ollama, types/model/capability.go)."""
    if offer.kind is CallKind.EMBED:
        return ("embedding",)
    having = (("completion", True), ("tools", offer.uses_tools), ("vision", offer.sees), ("thinking", offer.thinks))
    return tuple(word for word, has in having if has)


def _entry(offer: Offer) -> TagsEntry:
    return TagsEntry(
        name=offer.name,
        model=offer.name,
        modified_at=NEVER,
        size=offer.size_bytes,
        digest=_digest(offer.name, offer.digest),
        details=_details(offer.num_ctx),
        capabilities=capabilities_of(offer),
    )


def _details(num_ctx: int) -> Details:
    return Details(
        parent_model="",
        format="gguf",
        family=FAMILY,
        families=(FAMILY,),
        parameter_size="",
        quantization_level="",
        context_length=num_ctx,
    )


def _digest(name: str, digest: str) -> str:
    """Return 64 hexadecimal digits, of which clients show twelve: of the name where no weights stand behind it."""
    return digest or hashlib.sha256(f"{FAMILY} {name}".encode()).hexdigest()
