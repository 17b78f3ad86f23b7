"""The headers that say how a call waited for its slot, or what it would have had to wait."""

from collections.abc import Mapping

POSITION, WAIT_MS, ETA_MS = "x-queue-position", "x-queue-wait-ms", "x-queue-eta-ms"
QUEUE_HEADERS: Mapping[str, str] = {
    POSITION: "Where the call stood in the queue when it began to wait, 1 is the next; absent if it did not wait.",
    WAIT_MS: "How long the call waited for a slot.",
}
REFUSED_HEADERS: Mapping[str, str] = {
    POSITION: "Where the call stood in the queue last.",
    WAIT_MS: "How long it had waited.",
    ETA_MS: "In how long it was expected to have a slot.",
}
MS_PER_S = 1000


def waited_header(waited_s: float) -> dict[str, str]:
    """Return the header that says how long a call waited for its slot."""
    return {WAIT_MS: str(round(waited_s * MS_PER_S))}


def position_header(position: int) -> dict[str, str]:
    """Return the header that says where a call began to wait."""
    return {POSITION: str(position)}


def refused_headers(facts: Mapping[str, object]) -> dict[str, str]:
    """Return the headers of a call that got no slot: what is known of how it stood."""
    position, waited_s, eta_s = (facts.get(name) for name in ("position", "waited_s", "eta_s"))
    told = {
        POSITION: position if isinstance(position, int) else None,
        WAIT_MS: round(waited_s * MS_PER_S) if isinstance(waited_s, int | float) else None,
        ETA_MS: round(eta_s * MS_PER_S) if isinstance(eta_s, int | float) else None,
    }
    return {name: str(number) for name, number in told.items() if number is not None}
