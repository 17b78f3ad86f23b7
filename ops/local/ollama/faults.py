"""What the node refuses, with the status and the words that Ollama uses."""


class Refused(Exception):
    """A request that gets an error reply: `status` is the HTTP status, `text` the value of its `error` field."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


class RefusedLate(Refused):
    """A refusal by the loaded model, after Ollama has said what kind of reply it gives."""


def bad_request(text: str) -> Refused:
    """Status 400 with `text`."""
    return Refused(400, text)


def model_not_found(name: str) -> Refused:
    """Status 404 as `/api/chat`, `/api/generate` and `/api/show` word it (server/routes.go, ChatHandler)."""
    return Refused(404, f"model '{name}' not found")


def server_busy() -> Refused:
    """Status 503 when the queue is full (server/sched.go, ErrMaxQueue; the two spaces are Ollama's)."""
    return Refused(503, "server busy, please try again.  maximum pending requests exceeded")
