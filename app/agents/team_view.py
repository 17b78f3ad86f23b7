"""A team as a caller sees it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, assert_never

import msgspec
from msgspec import Meta

from app.agents.prompt_sets import PromptVersion
from app.agents.tools import Acting, AnyTool, Reading, Seeking, Writing

if TYPE_CHECKING:
    from app.agents.team import Team


class ToolView(msgspec.Struct, frozen=True):
    """A tool that a team's agents may call; `does` is `read`, `write` (rows), or `act` (outside)."""

    name: str
    description: str
    does: str
    limit_s: Annotated[float | None, Meta(description="How long a call may take; null: as long as the run may.")]
    arguments: Annotated[dict[str, Any], Meta(description="The JSON schema of what it takes.")]


class TeamView(msgspec.Struct, frozen=True):
    """A team: `agents` are the names under which it may reply."""

    name: str
    summary: str
    agents: tuple[str, ...]
    takes: Annotated[dict[str, str], Meta(description="What it reads of `context`: each name, and what it says.")]
    tools: tuple[ToolView, ...]
    prompts: Annotated[
        tuple[PromptVersion, ...], Meta(description="The prompts that a run pins which begins now at this replica.")
    ]


def view_of(team: "Team", prompts: Sequence[PromptVersion]) -> TeamView:
    """Return a team as a caller sees it."""
    return TeamView(
        name=team.name,
        summary=team.summary,
        agents=team.agents,
        takes=dict(team.takes),
        tools=tuple(_tool(tool) for tool in team.tools),
        prompts=tuple(prompts),
    )


def _tool(tool: AnyTool) -> ToolView:
    limit_s = None if isinstance(tool, Seeking) else tool.limit_s
    return ToolView(tool.name, tool.description, _does(tool), limit_s, msgspec.json.schema(tool.arguments))


def _does(tool: AnyTool) -> str:
    match tool:
        case Reading() | Seeking():
            return "read"
        case Writing():
            return "write"
        case Acting():
            return "act"
        case _:
            assert_never(tool)
