"""A claim on a run, as the run's row says it."""

from collections.abc import Mapping
from typing import Any

import msgspec

from app.agents.sessions import SessionFacts
from app.agents.values import Claim, OnDisconnect, RunOptions
from app.ids import RunId, TenantId
from app.inference.words.tiers import Tier


def claim_of(row: Mapping[str, Any], session: SessionFacts, *, new_session: bool = False) -> Claim:
    """Build a claim from a row of `runs` and what its session remembers."""
    return Claim(
        run_id=RunId(row["id"]),
        tenant_id=TenantId(row["tenant_id"]),
        key_id=row["key_id"],
        session_id=session.session_id,
        team=row["team"],
        question=row["question"],
        context=dict(row["context"]),
        options=msgspec.convert(row["options"], RunOptions),
        on_disconnect=OnDisconnect(row["on_disconnect"]),
        request_id=row["request_id"],
        fence=row["fence"],
        attempt=row["attempt"],
        lost=row.get("lost", 0),
        asked_at=row["created_at"],
        started_at=row["started_at"],
        spent_s=max(0.0, row.get("spent_s", 0.0)),
        waited_s=max(0.0, row.get("waited_s", 0.0)),
        is_task=bool(row.get("is_task")),
        new_session=new_session,
        cancel_asked=bool(row.get("cancel_asked")),
        # As it was when the run was accepted: what follows from it must be the same in every attempt.
        session_tier=None if row["session_tier"] is None else Tier(row["session_tier"]),
        session_node=session.node,
        prompts_sha256=None if row["prompts_sha256"] is None else bytes(row["prompts_sha256"]),
    )
