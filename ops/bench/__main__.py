"""`python -m ops.bench`: measure, print, and write the report."""

import os
import sys
from collections.abc import Sequence

from app.finish import finish
from ops.bench.lengths import told
from ops.bench.plan import PEER_LOST, ArgumentWrong, read_plan
from ops.bench.points import Unmeasured
from ops.bench.report import document, tables
from ops.bench.run import run
from ops.bench.world import WorldBroken
from ops.drill.target import DrillFailed
from ops.local.problems import LocalProblem


def main(arguments: Sequence[str] | None = None) -> int:
    """Return the exit status: 0, 1 when something could not be measured, 2 for a wrong command line, 3 without a peer.

    With 3 all other rows are measured, and the report is written.
    """
    try:
        plan = read_plan(sys.argv[1:] if arguments is None else arguments)
    except ArgumentWrong as error:
        sys.stderr.write(f"bench: {error}\n")
        return 2
    if os.getloadavg()[0] > (os.cpu_count() or 1) / 2:
        sys.stderr.write("bench: this machine is busy with something else: expect wide spreads\n")
    _say(told(plan))
    try:
        found, circumstances, lost = run(plan, os.environ, _say)
    except (Unmeasured, WorldBroken, LocalProblem, DrillFailed) as error:
        sys.stderr.write(f"bench: {error}\n")
        return 1
    for table in tables(found, plan):
        sys.stdout.write(f"{table.plain()}\n")
    if plan.out is not None:
        plan.out.parent.mkdir(parents=True, exist_ok=True)
        plan.out.write_text(document(found, plan, circumstances), encoding="utf-8")
        sys.stdout.write(f"written to {plan.out}\n")
    for name, why in lost.items():
        sys.stderr.write(f"bench: {name} was not measured: {why}\n")
    return PEER_LOST if lost else 0


def _say(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


if __name__ == "__main__":
    finish(main)
