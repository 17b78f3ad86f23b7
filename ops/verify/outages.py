"""Takes nodes and replicas away in every moment that matters, and writes what became of the calls."""

from collections.abc import Mapping
from pathlib import Path

from ops.verify.evidence import Outcome, Page, table, write
from ops.verify.suites import FULL, NODE_KILLS, SEED, Case, counted, outcome, run_suites

FAILURES = "tests/integration/test_dispatcher_failures.py"
QUEUE = "tests/integration/test_queue.py"
WAITS = "tests/integration/test_run_waits.py"
KILLED = "test_of_a_replica_that_is_killed_the_slots_are_back_within_the_lease_and_its_calls_wait_no_more"
SUITES = (
    NODE_KILLS,
    FAILURES,
    f"{QUEUE}::{KILLED}",
    WAITS,
    "tests/integration/test_outages.py",
)
INTRODUCTION = f"""\
A node with a real model on the local stack's double of Ollama is ended at each token of a greedy answer of up to 40
([test_ollama_kills](../../{NODE_KILLS})), and the same is done to the scriptable node, which says numbered words, at
each of 40 ([test_dispatcher_failures](../../{FAILURES})). With a model that goes on with a text, the client's text is
that of the undisturbed answer, no token comes twice, and the answer says that it was continued; with one that does not,
there is one restart and then the whole text. A replica that holds leases is ended with kill -9: its slots are back
within the lease. With every node down, new work is refused with 503 at once, runs that were started wait until their
deadline, and all goes on without a restart once a node is back."""


def verify(environ: Mapping[str, str], directory: Path, *, seed: int) -> Outcome:
    """Run the suites with all their cases and write outages.md."""
    cases, output = run_suites({**environ, FULL: "1", SEED: str(seed)}, SUITES)
    sections = (
        ("Suites", table(("suite", "passed", "failed", "skipped"), counted(cases))),
        ("Cases", table(("case", "ended"), [(_told(case), case.ending) for case in cases])),
    )
    command = f"python -m ops.verify --only outages --seed {seed}"
    write(directory, "outages", Page("Nodes and replicas are taken away", INTRODUCTION, command, sections), seed=seed)
    return outcome(cases, output)


def _told(case: Case) -> str:
    return case.name.removeprefix("test_").replace("_", " ")
