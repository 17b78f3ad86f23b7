"""Tools that the runs of a tenant may not use."""

import pytest

from app.accounts.tenants import Tenants
from app.errors import BadInput, TenantUnknown
from app.postgres import Database
from tests.integration.account_fixtures import command
from tests.integration.account_fixtures import database as database
from tests.integration.account_fixtures import name as name


async def test_tools_are_denied_to_a_tenants_runs_and_allowed_again(database: Database, name: str) -> None:
    tenants = Tenants(database)
    await tenants.add(name)
    assert await tenants.permit(name) == []
    assert await tenants.permit(name, denied=("send", "file", "send")) == ["file", "send"]
    assert await tenants.permit(name, allowed=("send",), denied=("read",)) == ["file", "read"]
    with pytest.raises(BadInput):
        await tenants.permit(name, denied=("read",), allowed=("read",))
    with pytest.raises(TenantUnknown):
        await tenants.permit(f"{name}-none", denied=("read",))


def test_only_a_tool_that_a_team_has_is_denied_by_the_command(postgres_url: str, name: str) -> None:
    command(postgres_url, "tenants", "add", name)
    told = (0, f"denied to the runs of {name}: file_for_person\n", "")
    assert command(postgres_url, "tenants", "tools", name, "--deny", "file_for_person") == told
    assert command(postgres_url, "tenants", "tools", name) == told
    with pytest.raises(SystemExit) as ended:
        command(postgres_url, "tenants", "tools", name, "--deny", "nothing")
    assert ended.value.code == 2
