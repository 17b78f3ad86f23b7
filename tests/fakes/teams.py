"""Teams that a test builds of its own steps, run as a process runs them, without a store or a node."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, cast

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, StateGraph
from langgraph.runtime import Runtime

from app.agents.prompts import Prompt
from app.agents.reply import Reply
from app.agents.serializing import StrictSerializer
from app.agents.step_paths import StepPaths
from app.agents.team import CompiledGraph, TeamState
from app.agents.values import Turn
from app.agents.work import Work
from app.inference.words.ends import FinishReason
from app.inference.words.records import Answer, CallKind, ChatCall, Outcome
from tests.fakes.held import OF_A_TENANT
from tests.fakes.models import usage
from tests.fakes.runner import ROUTE
from tests.fakes.runs import KeptEffects
from tests.fakes.work import Attempt, attempt

Step = Callable[[Work, dict[str, Any]], Awaitable[Any]]


class Models:
    """A dispatcher whose models say what is next; each call is noted. An error among the texts ends the attempt."""

    def __init__(self, *says: str | Exception) -> None:
        self.says = list(says)
        self.calls: list[ChatCall] = []

    async def chat(
        self,
        call: ChatCall,
        *,
        on_route: Callable[[Any], None],
        on_delta: Callable[[str], None],
        on_usage: Callable[[Any], None],
        **_: object,
    ) -> Answer:
        """Say it."""
        self.calls.append(call)
        said = self.says.pop(0)
        if isinstance(said, Exception):
            raise said
        on_route(ROUTE)
        on_delta(said)
        took = usage(OF_A_TENANT, CallKind.CHAT, call.agent, Outcome.DONE)
        on_usage(took)
        return Answer(text=said, usage=took, route=ROUTE, continued=False, finish_reason=FinishReason.STOP)

    def asked(self, number: int) -> list[tuple[str, str]]:
        """Return the messages of a call."""
        return [(message.role, message.content) for message in self.calls[number].messages]


class Thread:
    """A session, over which graphs run one after another, and go on where they waited."""

    def __init__(self, serializer: StrictSerializer | None = None) -> None:
        self.saver = InMemorySaver(serde=serializer or StrictSerializer((Reply,)))
        self.place: Any = {"configurable": {"thread_id": "1"}}

    async def run(
        self,
        graph: StateGraph[Any, Work, Any, Any],
        began: Callable[[StepPaths], Attempt],
        *,
        first_step: int = 1,
        goes_on: bool = False,
        prompts: Mapping[str, Prompt] | None = None,
        turns: tuple[Turn, ...] = (),
    ) -> dict[str, Any]:
        """Run a graph as an attempt does, and return what `ainvoke` does."""
        compiled: CompiledGraph = graph.compile(checkpointer=self.saver)
        work = began(StepPaths(lambda: first_step)).work(prompts, turns)
        given = None if goes_on else {"question": work.question, "reply": None}
        return await compiled.ainvoke(cast("Any", given), self.place, context=work, durability="exit")


def graph_of(*steps: tuple[str, Step], state: type[Any] = TeamState) -> StateGraph[Any, Work, Any, Any]:
    """Return a graph of these steps, which begins with the first; the others are handed to."""
    graph: StateGraph[Any, Work, Any, Any] = StateGraph(state, context_schema=Work)
    names = tuple(name for name, _ in steps)
    for name, step in steps:
        graph.add_node(name, _node(step), destinations=names)
    graph.add_edge(START, names[0])
    return graph


def _node(step: Step) -> Any:  # noqa: ANN401 - whatever LangGraph takes
    async def node(state: dict[str, Any], runtime: Runtime[Work]) -> Any:  # noqa: ANN401 - whatever a step returns
        return await step(runtime.context, state)

    return node


async def once(step: Step, models: Models, effects: KeptEffects | None = None, **given: Any) -> Attempt:  # noqa: ANN401
    """Run a team of one step, `respond`, and return the attempt."""
    made: list[Attempt] = []

    def began(paths: StepPaths) -> Attempt:
        made.append(attempt(models, effects=effects, path=paths, **given))
        return made[0]

    await Thread().run(graph_of(("respond", step)), began)
    return made[0]


def agents_of(models: Models) -> Sequence[str]:
    """Return who was asked, in order."""
    return [call.agent for call in models.calls]
