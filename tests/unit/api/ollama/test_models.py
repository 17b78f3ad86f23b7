"""What Ollama's clients are told of models has all that they read."""

from datetime import UTC, datetime

import msgspec
import pytest

from app.api.ollama.models import capabilities_of, find_offer, ps_reply, show_reply, tags_reply
from app.errors import ModelUnknown
from app.inference.words.offers import InMemory, Offer
from app.inference.words.records import CallKind

AUTO = Offer(name="auto", num_ctx=8192, thinks=True, uses_tools=True, sees=True)
SMALL = Offer(name="small:latest", num_ctx=4096, digest="a" * 64)
MINILM = Offer(name="minilm", kind=CallKind.EMBED, num_ctx=256)
OFFERS = (AUTO, SMALL, MINILM)


def test_every_name_is_listed_as_a_model() -> None:
    entries = msgspec.to_builtins(tags_reply(OFFERS))["models"]
    assert [entry["name"] for entry in entries] == [entry["model"] for entry in entries]
    assert [entry["name"] for entry in entries] == ["auto", "small:latest", "minilm"]
    assert entries[0]["capabilities"] == ("completion", "tools", "vision", "thinking")
    assert entries[0]["details"]["context_length"] == 8192


def test_a_digest_is_always_long_enough_for_a_list_of_models() -> None:
    """ollama, cmd/cmd.go, ListHandler cuts each to twelve characters and ends where one is shorter."""
    digests = [entry.digest for entry in tags_reply(OFFERS).models]
    assert [len(digest) for digest in digests] == [64, 64, 64]
    assert digests[1] == "a" * 64
    assert digests[0] != digests[2]


def test_what_is_in_memory_stays_there_as_far_as_a_client_can_see() -> None:
    now = datetime(2026, 3, 4, tzinfo=UTC)
    (entry,) = ps_reply((InMemory(name="small", digest="a" * 64, num_ctx=4096),), now).models
    assert (entry.name, entry.context_length, entry.size_vram) == ("small", 4096, entry.size)
    # ollama, format/time.go: more than twenty years are "Forever".
    assert entry.expires_at.startswith("2126-")


def test_a_model_is_shown_with_its_context_and_what_it_can_do() -> None:
    shown = msgspec.to_builtins(show_reply("auto", OFFERS))
    architecture = shown["model_info"]["general.architecture"]
    assert shown["model_info"][f"{architecture}.context_length"] == 8192
    assert shown["capabilities"] == ("completion", "tools", "vision", "thinking")


@pytest.mark.parametrize("name", ["small", "small:latest", "SMALL"])
def test_the_tag_latest_may_be_left_out(name: str) -> None:
    assert find_offer(name, OFFERS) is SMALL


def test_a_model_that_is_not_there_cannot_be_shown() -> None:
    with pytest.raises(ModelUnknown) as unknown:
        show_reply("llama9", OFFERS)
    assert unknown.value.facts == {"model": "llama9"}


def test_an_embedding_model_can_embed_and_nothing_else() -> None:
    assert capabilities_of(MINILM) == ("embedding",)
    assert capabilities_of(SMALL) == ("completion",)
