"""Who pays for a call, and what it is for."""

from enum import StrEnum

import msgspec

from app.ids import KeyId, RunId, SessionId, TenantId


class Purpose(StrEnum):
    """What a call is for."""

    CHAT = "chat"
    """An answer to a user."""
    SEARCH = "search"
    """The vector of a question, to find passages with."""
    EMBED = "embed"
    """Vectors that a client asked for, for whatever it does with them."""
    INGEST = "ingest"
    """The vectors of a document that was added."""
    REINDEX = "reindex"
    """The vectors of a document that stands in the index otherwise than it should."""
    PROBE = "probe"
    """Whether an idle model still answers."""
    PROOF = "proof"
    """Whether a model goes on from a final assistant message."""
    CALIBRATION = "calibration"
    """How fast a node is with a model, and how many calls it runs at once."""
    WARMTH = "warmth"
    """Loading a model that is asked for, before somebody has to wait for it."""
    JUDGE = "judge"
    """Whether an answer of a run that ended is good."""
    SUMMARY = "summary"
    """A summary of what a long session said first."""
    UNSAID = "unsaid"
    """A replica of an older version made the call, and did not say."""


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """Who pays for a call, and what it is for. Without a tenant it is the installation itself that pays."""

    purpose: Purpose
    tenant_id: TenantId | None = None
    key_id: KeyId | None = None
    session_id: SessionId | None = None
    run_id: RunId | None = None

    @property
    def ids(self) -> dict[str, str | None]:
        """What a line of the log says of it."""
        ids = {"tenant_id": self.tenant_id, "session_id": self.session_id, "run_id": self.run_id}
        return {name: None if value is None else str(value) for name, value in ids.items()}
