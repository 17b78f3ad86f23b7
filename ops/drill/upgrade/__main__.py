"""`python -m ops.drill.upgrade`: drill an upgrade from a commit, or record what that commit leaves behind."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from app.finish import finish
from ops.drill.target import DrillFailed
from ops.drill.upgrade.drill import upgrade_from
from ops.drill.upgrade.snapshot import record_from
from ops.drill.upgrade.tree import commit_before
from ops.local.console import Console


def main(arguments: Sequence[str] | None = None) -> int:
    """Drill or record; returns 0, or 1 when something was lost."""
    parser = argparse.ArgumentParser(prog="python -m ops.drill.upgrade", description=__doc__)
    parser.add_argument("--from", dest="commit", metavar="COMMIT", help="the older code (the newest that is other)")
    parser.add_argument("--record", type=Path, metavar="DIR", help="keep what the commit leaves in DIR, drill nothing")
    given = parser.parse_args(arguments)
    console = Console(sys.stdout)
    try:
        commit = given.commit or commit_before()
        if given.record is not None:
            console.say(f"recorded {record_from(commit, given.record, say=console.say)}")
            return 0
        upgraded = upgrade_from(commit, say=console.say)
    except DrillFailed as failure:
        console.say(f"FAILED: {failure}")
        return 1
    console.table([("promise", "seen"), *((one.promise, one.seen) for one in upgraded.held)])
    console.say(f"from {upgraded.commit} in {upgraded.took_s:.0f} s")
    return 0


if __name__ == "__main__":
    finish(main)
