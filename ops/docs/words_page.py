"""The closed sets of words that headers, rows, logs and metrics carry."""

import ast
import inspect
from enum import StrEnum
from types import ModuleType

from app import causes
from app.agents import values
from app.inference import breaker, failures, nodes, records, route, tiers
from app.retrieval import states
from ops.docs.markdown import code, page, table

SETS: tuple[tuple[ModuleType, str], ...] = (
    (tiers, "Tier"),
    (tiers, "TierReason"),
    (route, "Reason"),
    (route, "Exclusion"),
    (nodes, "NodeState"),
    (causes, "Cause"),
    (breaker, "BreakerState"),
    (failures, "Failure"),
    (records, "Outcome"),
    (values, "RunState"),
    (values, "EventKind"),
    (values, "WaitReason"),
    (values, "OnDisconnect"),
    (values, "Degradation"),
    (states, "DocumentState"),
    (states, "JobState"),
)


def write_words() -> str:
    """Return the page."""
    parts = [
        "A choice returns one of these words; the same word stands in the header, the log, the metric and the row."
    ]
    for module, name in SETS:
        kind: type[StrEnum] = getattr(module, name)
        meanings = _meanings(module, name)
        rows = [(code(member.value), meanings.get(member.name, "")) for member in kind]
        parts += [f"## {name}", inspect.getdoc(kind) or "", table(("word", "meaning"), rows)]
    return page("Words", *parts)


def _meanings(module: ModuleType, name: str) -> dict[str, str]:
    """Return the docstring below each member."""
    tree = ast.parse(inspect.getsource(module))
    found = next(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == name)
    meanings: dict[str, str] = {}
    for member, below in zip(found.body, found.body[1:], strict=False):
        if isinstance(member, ast.Assign) and isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant):
            meanings[ast.unparse(member.targets[0])] = " ".join(str(below.value.value).split())
    return meanings
