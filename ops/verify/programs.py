"""Parts of the verification that are programs of their own and write their own evidence."""

import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from msgspec.structs import replace

from app.inference.routing.complexity import SHIPPED, read_weights
from ops.bench.plan import PEER_LOST
from ops.local.process import REPOSITORY
from ops.verify.evidence import Outcome, Verdict

ROUTING_DATA = "SWITCHYARD_VERIFY_ROUTING_DATA"
ROUTING_EMBEDDER = "SWITCHYARD_VERIFY_EMBEDDER"
LIMIT_S = 2 * 3600.0
TAIL_CHARACTERS = 2000


def verify_complexity(environ: Mapping[str, str], directory: Path) -> Outcome:
    """Train the rating again on the outcomes that the environment names; hold the weights against the shipped ones."""
    path = environ.get(ROUTING_DATA)
    if not path:
        return Outcome(Verdict.LEFT_OUT, f"set {ROUTING_DATA} to csv files of prompts and outcomes")
    with tempfile.TemporaryDirectory(prefix="switchyard-verify-") as folder:
        weights = Path(folder) / "weights.json"
        evidence = directory / "complexity.md"
        words = ["app.cli", "routing", "train", "--data", path, "--out", str(weights), "--evidence", str(evidence)]
        embedder = environ.get(ROUTING_EMBEDDER)
        done = _run(environ, *words, *(["--embedder", embedder] if embedder else []))
        if done.returncode != 0:
            return Outcome(Verdict.FAILED, done.stderr[-TAIL_CHARACTERS:])
        found, shipped = read_weights(weights), read_weights(SHIPPED)
    if found.prototypes is None:
        shipped = replace(shipped, prototypes=None)
    return Outcome(Verdict.HELD, f"evaluated; trained weights are {'' if found == shipped else 'not '}those that ship")


def verify_bench(environ: Mapping[str, str], directory: Path) -> Outcome:
    """Measure in full, LiteLLM included where it can be installed; the page is the benchmark's own."""
    done = _run(environ, "ops.bench", "--with", "litellm", "--out", str(directory / "bench.md"))
    if done.returncode == PEER_LOST:
        return Outcome(Verdict.HELD, "measured, but without LiteLLM: `make bench PEERS=litellm` says why")
    if done.returncode != 0:
        return Outcome(Verdict.FAILED, (done.stdout + done.stderr)[-TAIL_CHARACTERS:])
    return Outcome(Verdict.HELD, "measured; its page holds the figures against the goals")


def _run(environ: Mapping[str, str], *words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(  # noqa: S603 - our own programs
        [sys.executable, "-m", *words],
        cwd=REPOSITORY,
        env=dict(environ),
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
