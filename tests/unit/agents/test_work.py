"""What a step may do: each thing once in a run, however often the run is tried."""

import asyncio
import operator
from typing import Annotated, Any

import msgspec
import pytest
from langgraph.types import Command, Send

from app.agents.event_log import Told
from app.agents.step_paths import StepPaths
from app.agents.team import TeamState
from app.agents.values import Answered, Request
from app.agents.work import Work
from app.errors import NodeFailed, RunFailed, StructureUnmet
from tests.fakes.runs import KeptEffects
from tests.fakes.teams import Models, Thread, agents_of, graph_of, once
from tests.fakes.work import Attempt, attempt


class Verdict(msgspec.Struct, frozen=True):
    """What a supervisor decides."""

    agent: str
    certain: bool = True


async def asks(work: Work, _state: object) -> None:
    """Ask twice."""
    first = await work.ask("supervisor", "p")
    await work.ask("judge", "p", question=f"Is {first} right?")


async def test_what_was_asked_in_an_earlier_attempt_is_not_asked_again() -> None:
    models = Models("seven", NodeFailed("the node broke off"), "yes")
    effects = KeptEffects()
    with pytest.raises(NodeFailed):
        await once(asks, models, effects)
    assert effects.keys == ["respond/ask:0"]
    again = await once(asks, models, effects.again())
    assert agents_of(models) == ["supervisor", "judge", "judge"]
    assert models.asked(2)[-1] == ("user", "Is seven right?")
    assert (again.effects.keys, again.effects.reused) == (["respond/ask:1"], 1)


async def test_what_is_asked_differently_than_before_ends_the_run() -> None:
    effects = (await once(asks, Models("seven", "yes"))).effects
    with pytest.raises(RunFailed) as failed:
        await once(lambda work, _: work.ask("supervisor", "p", question="Another?"), Models(), effects.again())
    assert failed.value.facts["reason"] == "run_diverged"


async def test_who_asks_within_a_run_changes_nothing_of_what_the_session_remembers_or_the_caller_is_shown() -> None:
    began = await once(asks, Models("seven", "yes"))
    assert began.live.route is None
    assert began.live.is_under_way.is_set()
    assert [usage.agent for usage in began.tally.usages] == ["supervisor", "judge"]


async def decides(work: Work, _state: object) -> None:
    """Ask for a structure, and answer."""
    verdict = await work.ask_for("supervisor", "p", {}, Verdict)
    await work.ask("told", "p", question=f"{verdict.agent} {verdict.certain}")


async def test_a_structure_is_asked_for_with_its_schema_and_comes_typed() -> None:
    models = Models('{"agent": "billing", "certain": false}', "ok")
    await once(decides, models)
    schema = msgspec.json.decode(models.calls[0].response_schema or b"null")
    assert schema["required"] == ["agent"]
    assert schema["properties"]["agent"] == {"type": "string"}
    assert models.asked(1)[-1] == ("user", "billing False")
    assert models.calls[1].response_schema is None


@pytest.mark.parametrize("wrong", ['{"agent": 7}', "I think billing.", '{"agent": "bil'])
async def test_an_answer_of_another_form_is_asked_for_once_more_with_what_was_wrong(wrong: str) -> None:
    models = Models(wrong, '{"agent": "billing"}', "ok")
    began = await once(decides, models)
    assert models.asked(1)[:3] == [*models.asked(0), ("assistant", wrong)]
    assert models.asked(1)[3][1].startswith("That is not of the form that was asked for: ")
    assert models.calls[1].response_schema == models.calls[0].response_schema
    assert began.effects.keys == ["respond/ask_for:0", "respond/repair:0", "respond/ask:0"]


async def test_a_process_that_ends_between_the_two_calls_leaves_the_first_one_done() -> None:
    models, effects = Models('{"agent": 7}', NodeFailed("the node broke off")), KeptEffects()
    with pytest.raises(NodeFailed):
        await once(decides, models, effects)
    later = Models('{"agent": "billing"}', "ok")
    again = await once(decides, later, effects.again())
    assert again.effects.keys == ["respond/repair:0", "respond/ask:0"]
    assert later.asked(0) == models.asked(1)


async def test_an_answer_that_is_of_no_form_twice_fails_by_name() -> None:
    with pytest.raises(StructureUnmet) as failed:
        await once(decides, Models("no", "no, again"))
    assert (failed.value.code, failed.value.facts["agent"]) == ("structure_unmet", "supervisor")
    assert failed.value.facts["structure"] == "Verdict"


async def specialist(work: Work, name: str, wait: asyncio.Event | None, done: asyncio.Event | None) -> str:
    """Ask twice, after another has, if need be."""
    if wait is not None:
        await wait.wait()
    first = await work.ask(name, "p", question=f"{name}?")
    if done is not None:
        done.set()
    return await work.ask(name, "p", question=f"{first}?")


@pytest.mark.parametrize("is_turned", [False, True])
async def test_branches_of_a_step_keep_their_places_whichever_is_first(*, is_turned: bool) -> None:
    async def fans_out(work: Work, _state: object) -> None:
        event = asyncio.Event()
        order = ((event, None), (None, event)) if is_turned else ((None, event), (event, None))
        said = await work.together(
            specialist(work, "policy", order[0][0], order[0][1]), specialist(work, "billing", order[1][0], order[1][1])
        )
        assert len(said) == 2
        await work.ask("judge", "p", question="Done?")

    began = await once(fans_out, Models("1", "2", "3", "4", "5"))
    assert sorted(began.effects.keys) == [
        "respond/ask:0",
        "respond/together:0[0]/ask:0",
        "respond/together:0[0]/ask:1",
        "respond/together:0[1]/ask:0",
        "respond/together:0[1]/ask:1",
    ]


async def test_the_first_branch_that_fails_ends_the_others_and_is_the_error() -> None:
    stopped: list[str] = []

    async def waits() -> str:
        try:
            await asyncio.Event().wait()
        finally:
            stopped.append("waits")
        return ""

    async def fans_out(work: Work, _state: object) -> None:
        await work.together(waits(), work.ask("policy", "p"))

    with pytest.raises(NodeFailed):
        await once(fans_out, Models(NodeFailed("the node broke off")))
    assert stopped == ["waits"]


class Parts(TeamState, total=False):
    """What the branches bring."""

    parts: Annotated[list[str], operator.add]


async def sends(_work: Work, _state: object) -> Command[Any]:
    """Begin two branches of one step, and one of another."""
    return Command(goto=[Send("look", {"what": "a"}), Send("look", {"what": "b"}), "read"])


async def look(work: Work, state: dict[str, Any]) -> dict[str, Any]:
    """Ask in a branch."""
    return {"parts": [await work.ask("look", "p", question=state["what"])]}


async def read(work: Work, _state: object) -> dict[str, Any]:
    """Ask in another step of the same superstep."""
    return {"parts": [await work.ask("read", "p")]}


async def test_branches_that_were_sent_and_later_steps_have_places_of_their_own_also_in_a_later_turn() -> None:
    graph, thread, made = graph_of(("route", sends), ("look", look), ("read", read), state=Parts), Thread(), Attempts()
    for first_step in (1, 5):
        await thread.run(graph, made.begin(Models("1", "2", "3")), first_step=first_step)
        assert sorted(made.newest.effects.keys) == ["2.look[0]/ask:0", "2.look[1]/ask:0", "2.read/ask:0"]


class Attempts:
    """Attempts, one after another, each over the effects of those before."""

    def __init__(self) -> None:
        self.made: list[Attempt] = []

    @property
    def newest(self) -> Attempt:
        """The last one."""
        return self.made[-1]

    def begin(self, models: Models, effects: KeptEffects | None = None) -> Any:  # noqa: ANN401 - what `Thread.run` takes
        """Return what begins the next one."""

        def began(paths: StepPaths) -> Attempt:
            self.made.append(attempt(models, effects=effects, path=paths))
            return self.newest

        return began


async def hands(work: Work, _state: object) -> Command[str]:
    """Hand over."""
    return work.hand_to("policy", question="And the policy?")


async def test_a_step_hands_the_run_to_another_with_what_that_needs() -> None:
    seen: list[str] = []

    async def policy(_work: Work, state: dict[str, Any]) -> None:
        seen.append(state["question"])

    made = Attempts()
    await Thread().run(graph_of(("supervisor", hands), ("policy", policy)), made.begin(Models()))
    assert seen == ["And the policy?"]


async def approve(work: Work, _state: object) -> dict[str, Any]:
    """Ask a model, then two persons at once, then a model again."""
    await work.ask("planner", "p")
    answers = await work.together(
        work.interrupt(Request("planner", "Pay?")), work.interrupt(Request("planner", "Ship?"))
    )
    return {"question": await work.ask("judge", "p", question=" ".join(one.text for one in answers))}


def answer(effects: KeptEffects, began: Attempt, key: str, text: str) -> KeptEffects:
    """Return the effects of the next attempt, with a person's answer among them."""
    request = began.means.interrupting.open[key]
    later = effects.again()
    later.put(key, bytes.fromhex(request.input_sha256), msgspec.msgpack.encode(Answered(text)))
    return later


async def test_a_run_waits_for_every_person_that_it_asks_and_goes_on_where_it_waited() -> None:
    graph, thread, made, models = graph_of(("plan", approve)), Thread(), Attempts(), Models("ok", "done")
    state = await thread.run(graph, made.begin(models))
    keys = ["plan/together:0[0]/interrupt:0", "plan/together:0[1]/interrupt:0"]
    assert [one.id for one in state["__interrupt__"]] == keys == sorted(made.newest.means.interrupting.open)
    one = answer(made.newest.effects, made.newest, keys[1], "no")
    state = await thread.run(graph, made.begin(models, one), goes_on=True)
    assert sorted(made.newest.means.interrupting.open) == keys[:1]
    both = answer(one, made.newest, keys[0], "yes")
    state = await thread.run(graph, made.begin(models, both), goes_on=True)
    assert (state["question"], "__interrupt__" in state) == ("done", False)
    assert models.asked(1)[-1] == ("user", "yes no")


async def twice(work: Work, _state: object) -> dict[str, Any]:
    """Answer, and answer again."""
    await work.answer("draft", "p")
    return {"reply": await work.answer("final", "p")}


@pytest.mark.parametrize(("told", "gone_on_with"), [("Tha", "Tha"), ("Yes", ""), ("Ye", ""), ("", "")])
async def test_a_second_answer_goes_on_with_its_own_text_and_with_no_other(told: str, gone_on_with: str) -> None:
    effects = KeptEffects()
    models = Models("Yes.", NodeFailed("the node broke off"))
    with pytest.raises(NodeFailed):
        await once(twice, models, effects)
    assert (models.calls[1].prefix, effects.keys) == ("", ["respond/answer:0"])
    later = Models("That is all.".removeprefix(gone_on_with))
    again = await once(twice, later, effects.again(), told=Told(told))
    assert later.calls[0].prefix == gone_on_with
    assert again.live.text == "That is all."


async def test_a_second_answer_replaces_the_first_for_readers_too() -> None:
    began = await once(twice, Models("Yes.", "That is all."))
    assert began.live.text == "That is all."
    assert began.effects.keys == ["respond/answer:0"]
