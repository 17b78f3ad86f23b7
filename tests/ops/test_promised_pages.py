"""Pages that are promised: each tells, under its heading, what to look at and what to type."""

import re
from pathlib import Path

import pytest

requirement = pytest.mark.requirement
ROOT = Path(__file__).parents[2]
COMPOSE = "docs/how-to/deploy-with-compose.md"
RUNBOOKS = "ops/runbooks"

# A page, the heading of a section of it ("" is the whole page), and what that section tells.
TOLD = (
    pytest.param(COMPOSE, "Start",
                 ("ops/deploy/secrets.sh", "docker compose build docker compose up -d docker compose ps"),
                 marks=requirement("ORC-06.start", "ORC-60.start"), id="start"),
    pytest.param("docs/how-to/drain.md", "A replica", ("docker stop -t 40 CONTAINER", "given up to a worker"),
                 marks=requirement("ORC-06.start", "ORC-60.stop"), id="stop"),
    pytest.param("docs/how-to/drain.md", "A worker", ("docker compose stop worker",),
                 marks=requirement("ORC-60.stop"), id="stop a worker"),
    pytest.param(COMPOSE, "Upgrade", ("git pull", "docker compose build", "docker compose up -d"),
                 marks=requirement("ORC-06.start"), id="upgrade"),
    pytest.param(f"{RUNBOOKS}/ServiceDown.md", "Mend", ("docker compose restart SERVICE",),
                 marks=requirement("ORC-60.restart"), id="restart"),
    pytest.param(f"{RUNBOOKS}/ServiceDown.md", "Look", ("docker compose logs --since 15m SERVICE",),
                 marks=requirement("ORC-60.logs"), id="logs"),
    pytest.param(COMPOSE, "Start", ("docker compose ps --all", "/health"),
                 marks=requirement("ORC-60.health"), id="health"),
    pytest.param(COMPOSE, "Scale", ("REPLICAS=5", "docker compose up -d", "which is enough for 12."),
                 marks=requirement("ORC-06.start", "ORC-61.replicas"), id="replicas"),
    pytest.param(COMPOSE, "Scale", ("nginx and Prometheus find the new ones by name",),
                 marks=requirement("ORC-61.balancing"), id="balancing"),
    pytest.param(f"{RUNBOOKS}/HighLatency.md", "Look",
                 ("rate(switchyard_slot_wait_seconds_bucket[5m])", "switchyard_slots_taken / switchyard_slots_limit"),
                 marks=requirement("ORC-61.signs", "ORC-62.latency"), id="signs of too few slots"),
    pytest.param(f"{RUNBOOKS}/HighLatency.md", "Mend", ("Waiting is long and nodes are full", "Add a node"),
                 marks=requirement("ORC-61.signs", "ORC-62.latency", "FIN-90.gpu"), id="too few GPUs"),
    pytest.param(f"{RUNBOOKS}/HighLatency.md", "Mend", ("`ollama ps` on the node",),
                 marks=requirement("FIN-90.models"), id="loaded models"),
    pytest.param(f"{RUNBOOKS}/HighLatency.md", "Mend", ("the stores are slow", "(QdrantHighLatency.md)"),
                 marks=requirement("FIN-90.vector-store"), id="a slow vector store"),
    pytest.param(f"{RUNBOOKS}/QdrantHighLatency.md", "Look",
                 ('rate(rest_responses_duration_seconds_bucket{job="qdrant"}[5m])',),
                 marks=requirement("FIN-90.vector-store"), id="times of the vector store"),
    pytest.param(f"{RUNBOOKS}/QdrantHighLatency.md", "Mend", ("docker compose restart qdrant-2", "docker stats"),
                 marks=requirement("FIN-94.runbook"), id="mend the vector store"),
    pytest.param(f"{RUNBOOKS}/HighErrorRate.md", "Mend", ("docker restart CONTAINER", "SWITCHYARD_VERSION"),
                 marks=requirement("ORC-62.errors", "ORC-67.one-change"), id="errors"),
    pytest.param(f"{RUNBOOKS}/HighTokenUsage.md", "Mend", ("switchyard keys revoke PREFIX",),
                 marks=requirement("ORC-62.cost"), id="cost"),
    pytest.param(f"{RUNBOOKS}/ServiceDown.md", "Mend",
                 ("docker compose up -d", "docker compose exec postgres pg_isready"),
                 marks=requirement("ORC-62.down"), id="down"),
    pytest.param(f"{RUNBOOKS}/DatabaseConnectionPoolExhausted.md", "Look",
                 ("FROM pg_stat_activity", "wait_event_type", "pg_blocking_pids(pid)"),
                 marks=requirement("FIN-92.activity"), id="activity"),
    pytest.param("docs/how-to/use-a-pooler.md", "",
                 ("`pool_mode = transaction`", "SWITCHYARD_DATABASE_POOLER=transaction"),
                 marks=requirement("FIN-92.pooler"), id="pooler"),
)  # fmt: skip


def section(page: str, heading: str) -> str:
    """Return a section of a page, its blanks and line ends as one blank each."""
    text = (ROOT / page).read_text(encoding="utf-8")
    if heading:
        text = text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return re.sub(r"\s+", " ", text)


@pytest.mark.parametrize(("page", "heading", "told"), TOLD)
def test_a_page_tells_what_was_promised_of_it(page: str, heading: str, told: tuple[str, ...]) -> None:
    text = section(page, heading)
    assert [words for words in told if words not in text] == []
