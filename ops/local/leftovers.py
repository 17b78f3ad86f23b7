"""What a supervisor that was killed left running."""

import signal
from contextlib import suppress

from ops.local.process import poll_until
from ops.local.state import State

GRACE_S = 5.0
STOP_LIMIT_S = 15.0
LOOK_EVERY_S = 0.05


def end_leftovers(state: State | None) -> None:
    """End the parts of a supervisor that is gone: they are told when it dies, but one may take long, or not listen.

    Only those very processes are touched: each is known by its id and start time.
    """
    left = [view.process for view in state.parts if view.process is not None] if state is not None else []

    def are_gone() -> bool:
        return not any(process.is_alive() for process in left)

    if poll_until(are_gone, GRACE_S, LOOK_EVERY_S):
        return
    with suppress(PermissionError):
        for process in left:
            process.send(signal.SIGTERM)
        if not poll_until(are_gone, STOP_LIMIT_S, LOOK_EVERY_S):
            for process in left:
                process.kill()
            poll_until(are_gone, GRACE_S, LOOK_EVERY_S)
