"""Upgrades an installation with data from older commits, and writes what was held."""

from collections.abc import Callable
from pathlib import Path

from ops.drill.target import DrillFailed
from ops.drill.upgrade.drill import Upgraded, upgrade_from
from ops.drill.upgrade.tree import commit_before, knows
from ops.local.process import REPOSITORY
from ops.verify.evidence import Outcome, Page, Verdict, table, write

SNAPSHOTS = REPOSITORY / "tests" / "integration" / "snapshots"
"""Named after the commits that made them: the oldest from which an upgrade is held."""

COMMAND = "python -m ops.verify --only upgrade"
INTRODUCTION = """\
An older commit's own code makes data on fresh stores: a tenant with a key, documents, sessions with answers. Then its
worker is ended while an ingestion waits for a node, and its replica with kill -9 in the middle of an answer. The
present code migrates the schema; the older replica must still serve on it; then the present replica and worker come up
on what was left, and every line below is looked at. One thing lost, changed, or done twice fails the drill."""


def verify(directory: Path, *, commit: str | None, say: Callable[[str], None]) -> Outcome:
    """Upgrade from `commit` (the newest with other code) and from the kept baselines, and write upgrade.md."""
    done, failures = list[Upgraded](), list[tuple[str, str]]()
    commits = _commits(commit)
    for one in commits:
        say(f"from {one}")
        try:
            done.append(upgrade_from(one, say=say))
        except DrillFailed as failure:
            failures.append((one, str(failure)))
            say(f"FAILED: {failure}")
    sections = [(f"From {one.commit}, in {one.took_s:.0f} s", "\n\n".join((_table(one), *one.notes))) for one in done]
    if failures:
        sections.append(("Failures", table(("from", "what was seen"), failures)))
    write(directory, "upgrade", Page("An upgrade keeps everything", INTRODUCTION, COMMAND, tuple(sections)), seed=None)
    verdict = Verdict.HELD if done and not failures else Verdict.FAILED
    return Outcome(verdict, f"{len(done)} of {len(commits)} upgrades lost nothing")


def _commits(commit: str | None) -> list[str]:
    wanted = [commit or commit_before()]
    wanted += [path.name for path in sorted(SNAPSHOTS.iterdir()) if knows(path.name)]
    return list(dict.fromkeys(wanted))


def _table(upgraded: Upgraded) -> str:
    return table(("promise", "what was seen"), [(one.promise, one.seen) for one in upgraded.held])
