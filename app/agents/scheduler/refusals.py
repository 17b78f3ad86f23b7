"""What a calendar says no to."""

from app.errors import Refused


class EventUnknown(Refused):
    """There is no such event."""

    code = "event_unknown"
