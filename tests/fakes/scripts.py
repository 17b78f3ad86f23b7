"""What a fake node holds, what it was asked, and how it is told to behave."""

from collections import deque
from hashlib import sha256

import msgspec


class FakeModel(msgspec.Struct, frozen=True, kw_only=True):
    """A model of the fake. Speeds in tokens a second, 0 for as fast as can be."""

    name: str
    kind: str = "chat"
    tokens_per_s: float = 0.0
    prefill_per_s: float = 0.0
    load_s: float = 0.0
    size_bytes: int = 1000
    vector_size: int = 384
    context_length: int = 32_768
    thinks: bool = False
    """It can think, and does unless it is told not to."""
    knows_tools: bool = False
    sees: bool = False
    digest: str = ""
    template: str = "{{ range .Messages }}{{ .Content }}<|im_end|>{{ end }}"
    """As `/api/show` tells it: one that closes every message, so that nobody tries whether the model goes on."""

    @property
    def sha(self) -> str:
        """The digest, made from the name if none was given."""
        return self.digest or sha256(self.name.encode()).hexdigest()


class Script(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What happens to the next `times` calls (of `model`, if given). Numbers of tokens count from the call's start."""

    times: int = 1
    model: str | None = None
    asks: str = ""
    """Only calls whose body holds this, as it is sent."""
    skip: int = 0
    """So many calls that it would be for pass first."""
    status: int = 200
    error: str = "scripted"
    text: str | None = None
    """Said instead of numbered words, a character a token; it goes on where a final assistant message ends."""
    anew: bool = False
    """The text is said whole, whatever a final assistant message holds of it."""
    thinking: str | None = None
    """Thought first, a character a token, whatever the model and the request say."""
    done_reason: str | None = None
    """Said at the end instead of what is so; `""` leaves it out."""
    eval_count: int | None = None
    tool_calls: list[dict[str, object]] = []
    """Said with the last piece."""
    line_end: str = "\n"
    last_line_end: str | None = None
    raw: str | None = None
    """A raw line sent after `raw_after` tokens."""
    raw_after: int = 0
    die_after: int | None = None
    eof_after: int | None = None
    error_after: int | None = None
    hang_after: int | None = None
    tokens_per_s: float | None = None
    vectors: list[list[float]] | None = None


class FakeCall(msgspec.Struct, kw_only=True):
    """A call that the fake was asked, as it stands now."""

    path: str
    model: str
    body: dict[str, object]
    tokens: int = 0
    loaded: bool = False
    done: bool = False
    aborted: bool = False
    started_at: float = 0.0
    ended_at: float = 0.0


def take(scripts: deque[Script], model: str, raw: bytes) -> Script:
    """Return what happens to a call of a model with this body, and count it off.

    One that only breaks a call says what a standing script (`times` below 0) has the model say to it.
    """
    meant = [script for script in scripts if script.model in (None, model) and script.asks.encode() in raw]
    for at, script in enumerate(meant):
        if script.skip:
            script.skip -= 1
            continue
        script.times -= 1
        if script.times == 0:
            scripts.remove(script)
        said = next((other.text for other in meant[at:] if other.times < 0 and other.text is not None), None)
        return script if script.text is not None else msgspec.structs.replace(script, text=said)
    return Script()
