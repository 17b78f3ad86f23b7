"""GET /api/v1/teams: which teams may be asked, and with what."""

from collections.abc import Sequence

import msgspec
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp

from app.agents.team_view import TeamView
from app.api.auth import HttpRequest, Permission
from app.api.replies import reply
from app.api.routing import Doc, Success, route


class TeamList(msgspec.Struct, frozen=True):
    """Every team, by name."""

    teams: tuple[TeamView, ...]


LIST = Doc(
    summary="List teams",
    tag="chat",
    text="What each is for, which agents reply in it, what it reads of `context`, and the tools that it may call. Ask "
    "one by its name: `team` of POST /api/v1/chat and POST /api/v1/tasks, or the model `team:<name>`.",
    successes={200: Success("Every team", body=TeamList)},
)


class TeamRoutes:
    """The route of the teams."""

    def __init__(self, teams: Sequence[TeamView]) -> None:
        self._listed = TeamList(tuple(teams))

    def routes(self) -> list[HTTPRouteHandler]:
        """Return the handler."""
        return [route("GET", "/api/v1/teams", self.list, Permission.READ, LIST)]

    async def list(self, request: HttpRequest) -> ASGIApp:  # noqa: ARG002
        """Return every team."""
        return reply(self._listed)
