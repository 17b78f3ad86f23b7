"""Accepted tasks, with real processes: everything is killed right after the last 202, and all of them are done."""

import time
from collections import Counter
from collections.abc import Callable
from itertools import cycle
from typing import LiteralString

import httpx

from ops.drill.steps.drill import Drill
from ops.drill.steps.life import Lived
from ops.drill.target import DrillFailed
from ops.local.process import poll_until

TASKS = 1000
"""As many as are promised to survive."""
A_TASK_S = 1.0
"""Generous: four slots do about seven in a second."""
START_S = 120.0
LIMIT_S = 10.0

SELECT_TASKS: LiteralString = """
    SELECT runs.id, state, attempt, lost,
           (SELECT count(*) FROM messages m WHERE m.run_id = runs.id AND m.role = 'assistant') AS answers,
           (SELECT count(*) FROM usage u WHERE u.run_id = runs.id AND u.kind = 'chat' AND u.outcome = 'done') AS paid,
           (SELECT count(*) FROM effects e WHERE e.run_id = runs.id) AS effects
    FROM runs WHERE id = ANY(%s::uuid[])
"""


def survive(drill: Drill, restart_stores: Callable[[], None], *, count: int = TASKS) -> Lived:
    """Accept tasks by HTTP; kill every process, and the stores; start cold. Each task is then done, once."""
    crew = drill.crew
    crew.await_all()
    ids = _accepted(drill, count)
    for name in crew.all:
        crew.kill(name)
    restart_stores()
    drill.ledger.reopen()
    states = Counter(row["state"] for row in drill.ledger.rows(SELECT_TASKS, ids))
    for name in crew.all:
        crew.revive(name)
    crew.await_all()
    began = time.monotonic()
    if not poll_until(lambda: _left(drill, ids) == 0, START_S + count * A_TASK_S, 0.5):
        raise DrillFailed(f"{_left(drill, ids)} of {count} tasks have not ended")
    took_s = time.monotonic() - began
    rows = drill.ledger.rows(SELECT_TASKS, ids)
    wrong = [row for row in rows if row["state"] != "done" or row["answers"] != 1 or row["paid"] > row["attempt"]]
    if len(rows) != count or wrong:
        raise DrillFailed(f"{len(rows)} of {count} are stored; {len(wrong)} not done once: {wrong[:3]}")
    again = sum(row["attempt"] > 1 for row in rows)
    return Lived(
        f"{count} accepted tasks survive kill -9 of everything and a cold start",
        f"{states['done']} were done before, {states['running']} under way, {states['accepted']} not begun; all were "
        f"done {took_s:.0f} s after the start, {again} of them in a later attempt",
    )


def _accepted(drill: Drill, count: int) -> list[str]:
    """Return the ids of tasks that were answered with 202, by all replicas in turn. Raises DrillFailed."""
    headers, ids = {"Authorization": f"Bearer {drill.crew.key}"}, list[str]()
    with httpx.Client(headers=headers, timeout=LIMIT_S, trust_env=False) as client:
        for number, door in zip(range(count), cycle(drill.crew.doors()), strict=False):
            asked = {"team": "assistant", "message": f"What does the guide say of matter {number}?"}
            reply = client.post(f"{door}/api/v1/tasks", json=asked)
            if reply.status_code != 202:
                raise DrillFailed(f"task {number} is answered with {reply.status_code}: {reply.text}")
            ids.append(reply.json()["task_id"])
    return ids


def _left(drill: Drill, ids: list[str]) -> int:
    return sum(row["state"] not in {"done", "failed", "dead"} for row in drill.ledger.rows(SELECT_TASKS, ids))
