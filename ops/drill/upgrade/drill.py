"""The drill: the past makes data, the present takes it over."""

import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import httpx

from ops.drill.target import DrillFailed
from ops.drill.upgrade import checks, story
from ops.drill.upgrade.checks import Held
from ops.drill.upgrade.story import Story
from ops.drill.upgrade.tree import PRESENT, locks_differ, take_out
from ops.drill.upgrade.world import World, open_world
from ops.local.problems import LocalProblem


@dataclass(frozen=True, slots=True)
class Upgraded:
    """An upgrade that lost nothing: from where, what was held, and what the reader must know."""

    commit: str
    held: tuple[Held, ...]
    took_s: float
    notes: tuple[str, ...] = ()


def upgrade_from(commit: str, *, say: Callable[[str], None]) -> Upgraded:
    """Make data with the code of a commit and bring it up under the present one. Raises DrillFailed."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="switchyard-upgrade-", ignore_cleanup_errors=True) as folder:
        tree = take_out(commit, Path(folder) / "trees")
        try:
            with open_world(Path(folder) / "stack", os.environ) as world:
                say(f"data by {tree.name}")
                told = story.tell(world, tree)
                world.command(PRESENT, "migrate")
                say("the older replica on the present schema")
                held = [checks.old_code_serves_on(world, told, tree)]
                say("the present code on the older data")
                held += bring_up(world, told)
        except (LocalProblem, httpx.HTTPError) as error:
            raise DrillFailed(f"{type(error).__name__}: {error}") from error
    notes = ("its libraries were other versions; it ran with the present ones",) if locks_differ(tree.commit) else ()
    return Upgraded(tree.commit, tuple(held), time.monotonic() - began, notes)


def bring_up(world: World, told: Story) -> list[Held]:
    """Migrate and run the present code on what a story left, and look at all of it. Raises DrillFailed."""
    world.command(PRESENT, "migrate")
    # The rows of the nodes have the addresses of the world that the story was told in.
    world.command(PRESENT, "nodes", "apply")
    world.start(PRESENT)
    return checks.check(world, told)
