"""How tests log: plainly, since structlog's default renderer reads source files, which blocks the loop."""

import structlog


def log_plainly() -> None:
    """Configure structlog for tests, also after one that configured it as a process does."""
    structlog.reset_defaults()
    structlog.configure(processors=[structlog.contextvars.merge_contextvars, structlog.processors.JSONRenderer()])
