"""What a person is asked about a call outside PostgreSQL whose outcome nobody knows."""

from app.agents.values import Request

HAPPENED = "it happened"
DID_NOT_HAPPEN = "it did not happen"


def question_of(agent: str, tool: str) -> Request:
    """Return what somebody is asked who can look."""
    text = (
        f"`{tool}` was called, and the process that called it ended before it could note the outcome. Look whether it "
        f"took effect, and answer `{HAPPENED}`, or `{DID_NOT_HAPPEN}`: then it is called again."
    )
    return Request(agent, text, (HAPPENED, DID_NOT_HAPPEN))
