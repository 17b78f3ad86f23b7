"""Every statement on a table that belongs to tenants names the tenant."""

import ast
import re
from collections.abc import Iterator

from tests.architecture.sources import Source, none, sources

TABLES = (
    *("api_keys", "sessions", "runs", "messages", "effects", "routes", "usage", "documents", "chunks", "jobs"),
    *("document_texts", "document_editions", "webhook_secrets", "webhook_deliveries"),
    *("run_feedback", "run_judgements", "session_summaries", "summary_claims"),
    *("resources", "constraints", "bookings", "conflicts", "scheduler_seeds"),
    *("customers", "policies", "billing", "claims", "escalations", "insurance_seeds"),
)
_STATEMENT = re.compile(rf"\b(?:FROM|INTO|UPDATE|JOIN)\s+({'|'.join(TABLES)})\b", re.IGNORECASE)
# Statements that are about all tenants, each with its reason.
FOR_ALL = {
    "app/evaluation/judgement_rows.py": {"judgements are bounded for the whole fleet": ("IS_FREE", "HOUR_LEFT")},
    "app/inference/routing/route_rows.py": {"routes are kept as long for every tenant": ("PRUNE_ROUTES",)},
    "app/agents/run_rows.py": {"a run is taken over by its id alone, which its row gave": ("TAKE_OVER",)},
    "app/retrieval/stock.py": {"gauges count the documents of the whole fleet": ("COUNT",)},
    "app/agents/task_load.py": {"workers do the tasks of all tenants": ("COUNT",)},
    "app/agents/sessions.py": {"a gauge counts the sessions of the whole fleet": ("COUNT_ACTIVE",)},
}


def _statements(source: Source) -> Iterator[tuple[str, str, int]]:
    for node in source.nodes:
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None:
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            for part in ast.walk(node.value):
                if isinstance(part, ast.Constant) and isinstance(part.value, str) and _STATEMENT.search(part.value):
                    yield ast.unparse(target), part.value, part.lineno


def test_statements_on_tenant_tables_name_the_tenant() -> None:
    missing: list[str] = []
    for source in sources("app"):
        allowed = {name for names in FOR_ALL.get(source.path, {}).values() for name in names}
        missing.extend(
            f"{source.path}:{line} {name}"
            for name, text, line in _statements(source)
            if "tenant_id" not in text and name not in allowed
        )
    none(missing)
