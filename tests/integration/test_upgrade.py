"""Data that an earlier commit left, in mid-answer and with an ingestion waiting, comes up under the present code.

What was left is kept in `snapshots/<commit>/`, made by `python -m ops.drill.upgrade --record`: no history is needed.
"""

import os
from pathlib import Path

import pytest

from ops.drill.upgrade.drill import bring_up
from ops.drill.upgrade.snapshot import restore
from ops.drill.upgrade.world import open_world

pytestmark = pytest.mark.integration

SNAPSHOTS = sorted(Path(__file__).with_name("snapshots").iterdir())


@pytest.mark.parametrize("snapshot", SNAPSHOTS, ids=lambda path: path.name)
def test_an_installation_with_data_survives_an_upgrade(snapshot: Path, tmp_path: Path) -> None:
    with open_world(tmp_path, os.environ) as world:
        story = restore(world, snapshot)
        held = bring_up(world, story)
    assert [one.promise for one in held] == [
        "the schema is at its head",
        "the old key reads the old session",
        "the run in flight is taken over and charged once",
        "event ids of the older code still find their place",
        "the waiting ingestion is finished",
        "the old session goes on and cites the old document",
        "every original is in the blob store",
        "no table has fewer rows than before",
    ]
