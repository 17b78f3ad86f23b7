"""Runs of all teams go on while PostgreSQL is ended every few seconds, and processes are: nothing of them shows it.

A sample of what `python -m ops.verify --only steps` does twelve times.
"""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from app.migrations import migrate
from ops.drill.application import stores_of
from ops.drill.steps.drill import open_drill
from ops.drill.steps.restless import TOLD, disturb, errors
from ops.drill.steps.series import records_of
from ops.local.parts import postgres
from ops.local.stack import Stack

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]


def test_runs_of_all_teams_end_as_ever_while_postgresql_is_ended_again_and_again(
    tmp_path: Path, seeded: Callable[..., Random]
) -> None:
    with Stack.open(tmp_path / "stores") as stores:

        def restart() -> None:
            stores.kill(postgres.NAME)
            stores.restart(postgres.NAME)

        asyncio.run(migrate(stores.layout.database_url))
        with open_drill(
            tmp_path / "crew", os.environ, stores_of(stores.layout), replicas=2, workers=2, told=TOLD
        ) as drill:
            records, _ = records_of(drill)
            done = disturb(drill, records, restart, seeded(1, of=12))
            assert (done.runs, done.wrong) == (len(records), ())
            assert errors(drill) == []
