"""Where in its graph a step stands: the name under which its effects are stored, the same in every attempt."""

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from langgraph.config import get_config

_branch: ContextVar[str] = ContextVar("branch", default="")


class StepPaths:
    """Names the step that runs, from what LangGraph says of it; nothing is counted here.

    The name is the step's own in the run's first superstep, `2.step` in the second; a branch that `Send` began has its
    number too, `2.step[0]`, in the order in which they were sent. Within `together` the path of a branch goes on from
    that of its step. `first_step` gives LangGraph's number of the run's first superstep: it counts on from one run of a
    session to the next.
    """

    def __init__(self, first_step: Callable[[], int]) -> None:
        self._first_step = first_step

    def __call__(self) -> str:
        """Return the path of the step, and branch, that calls."""
        return _branch.get() or path_of(get_config().get("metadata", {}), self._first_step())


def path_of(metadata: dict[str, Any], first_step: int) -> str:
    """Return a step's path from LangGraph's metadata of it (pregel/_algo.py, `prepare_single_task`)."""
    superstep = int(metadata["langgraph_step"]) - first_step + 1
    name, place = str(metadata["langgraph_node"]), metadata["langgraph_path"]
    # A step that an edge began has ("__pregel_pull", name), one that `Send` began ("__pregel_push", its number, ...).
    sent = f"[{place[1]}]" if isinstance(place[1], int) else ""
    return f"{name}{sent}" if superstep <= 1 else f"{superstep}.{name}{sent}"


def enter_branch(path: str) -> None:
    """Have what this task does from now on stored under `path`."""
    _branch.set(path)
