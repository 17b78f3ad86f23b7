"""What callers are told of the teams that ship."""

from app.agents.team import find_teams
from app.agents.team_view import view_of


def test_every_team_says_what_it_is_for_and_its_tools_say_what_they_take() -> None:
    for team in find_teams():
        view = view_of(team, ())
        assert view.summary.endswith("."), team.name
        assert all(meaning.endswith(".") for meaning in view.takes.values()), team.name
        assert [tool.name for tool in view.tools] == [tool.name for tool in team.tools]
        assert all(tool.arguments and tool.description.endswith(".") for tool in view.tools), team.name


def test_a_tool_says_whether_it_reads_or_writes() -> None:
    (insurance,) = [view_of(team, ()) for team in find_teams() if team.name == "insurance"]
    does = {tool.name: tool.does for tool in insurance.tools}
    assert (does["policy_premium"], does["file_for_person"]) == ("read", "write")
