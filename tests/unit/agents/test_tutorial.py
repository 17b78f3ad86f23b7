"""The team of the tutorial works as printed."""

import re
from pathlib import Path
from typing import Any

import msgspec

from app.agents.prompts import Prompt, parse_prompt
from app.agents.reply import Reply
from app.agents.serializing import StrictSerializer
from app.agents.step_paths import StepPaths
from app.agents.team import Team
from app.agents.values import Answered
from tests.fakes.runs import KeptEffects
from tests.fakes.search import FoundSearch
from tests.fakes.teams import Models, Thread, agents_of
from tests.fakes.work import Attempt, attempt

PAGE = Path("docs/how-to/build-a-team.md").read_text(encoding="utf-8")
CODE = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)[0]
PROMPTS: dict[str, Prompt] = {
    prompt.front.name: prompt
    for prompt in (parse_prompt(text, "page") for text in re.findall(r"```markdown\n(.*?)```", PAGE, re.DOTALL))
}


class Desk:
    """The printed team, and its attempts at one run."""

    def __init__(self, models: Models) -> None:
        names: dict[str, Any] = {"__name__": "helpdesk"}
        exec(compile(CODE, "build-a-team.md", "exec"), names)  # noqa: S102 - what the page prints
        team = names["TEAM"]
        assert isinstance(team, Team)
        self.team = team
        self.thread = Thread(StrictSerializer((Reply, *team.values)))
        self.models = models
        self.newest: Attempt | None = None

    async def run(self, effects: KeptEffects | None = None) -> dict[str, Any]:
        """Make the next attempt."""

        def began(paths: StepPaths) -> Attempt:
            self.newest = attempt(self.models, FoundSearch(), effects=effects, path=paths)
            return self.newest

        goes_on = effects is not None
        return await self.thread.run(self.team.build(), began, prompts=PROMPTS, goes_on=goes_on)


def test_the_team_is_forty_lines_and_its_prompts_are_those_that_it_names() -> None:
    assert len(CODE.splitlines()) <= 40
    named = {name: set(variables) for name, variables in Desk(Models()).team.prompts.items()}
    assert named == {name: set(prompt.front.variables) for name, prompt in PROMPTS.items()}


async def test_a_question_that_the_supervisor_is_sure_of_is_answered_by_its_specialist() -> None:
    desk = Desk(Models('{"specialist": "billing", "sure": true}', "See the bill.", "You pay 42."))
    state = await desk.run()
    assert (state["reply"].agent, state["reply"].text) == ("billing", "You pay 42.")
    assert agents_of(desk.models) == ["supervisor", "billing", "billing"]
    assert desk.models.asked(2)[0] == ("system", "You answer questions on billing. Your notes: See the bill.")


async def test_a_question_that_it_is_not_sure_of_waits_for_a_person_and_goes_on_with_what_that_says() -> None:
    desk = Desk(Models('{"specialist": "technical", "sure": false}', "Press it.", "Hold it."))
    state = await desk.run()
    assert desk.newest is not None
    ((key, asked),) = desk.newest.means.interrupting.open.items()
    assert [one.id for one in state["__interrupt__"]] == [key] == ["2.answer/interrupt:0"]
    assert asked.request.text == "Is this right? Press it."
    later = desk.newest.effects.again()
    later.put(key, bytes.fromhex(asked.input_sha256), msgspec.msgpack.encode(Answered("Hold it.")))
    state = await desk.run(later)
    assert state["reply"].text == "Hold it."
    assert desk.models.asked(2)[0][1].endswith("Your notes: Hold it.")
