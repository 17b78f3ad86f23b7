"""Why a node is in the state that it is in."""

from collections.abc import Sequence
from http import HTTPStatus

from app.causes import Cause, Finding
from app.inference.fleet.model_problems import ModelProblem

STRANGER = Finding(
    Cause.STRANGER,
    "it answers, but not as Ollama",
    "correct the node's url (`switchyard nodes change`): another program answers there",
)
UNSEEN = Finding(Cause.UNSEEN, "nobody has looked at it yet")
_AT_THE_DOOR = (
    "Ollama itself asks for nothing: give the gateway's token in a file of the node's name in the folder of "
    "SWITCHYARD_NODE_TOKENS_DIR, or let this machine in there"
)


def cause_of_status(status: int) -> Finding:
    """Return the cause of an answer to a look that is none."""
    match status:
        case HTTPStatus.UNAUTHORIZED | HTTPStatus.FORBIDDEN:
            return Finding(Cause.RIGHTS, f"status {status}: it asks for credentials", _AT_THE_DOOR)
        case HTTPStatus.TOO_MANY_REQUESTS | HTTPStatus.SERVICE_UNAVAILABLE:
            return Finding(Cause.BUSY, f"status {status}: it has too much to do")
        case _ if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return Finding(Cause.BROKEN, f"status {status}", "read the node's log: it reports trouble of its own")
        case _:
            return Finding(Cause.STRANGER, f"{STRANGER.text}: status {status}", STRANGER.remedy)


def cause_of_missing(missing: Sequence[ModelProblem]) -> Finding:
    """Return why a node that may serve none of its models is misconfigured."""
    named = ", ".join(f"{problem.model} ({problem.reason.value})" for problem in missing)
    return Finding(
        Cause.MISSING,
        f"it may serve none of its models: {named}",
        "`switchyard nodes pull` brings them; or change its models",
    )


def cause_of_drain(name: str) -> Finding:
    """Return why a node that an operator drains takes no calls."""
    return Finding(Cause.DRAINED, "an operator drains it", f"`switchyard nodes undrain {name}` has it take calls again")
