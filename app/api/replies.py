"""JSON replies, and the headers that tell where an answer came from."""

import re
from collections.abc import Mapping

import msgspec
from litestar.response.base import ASGIResponse

from app.agents.values import RouteSummary, RunResult
from app.inference.words.route import Route

_encoder = msgspec.json.Encoder()
JSON = "application/json"
# A model's name is a header's value here: one line, in ASCII.
_UNPRINTABLE = re.compile(r"[^ -~]")


def reply(body: object, *, status: int = 200, headers: Mapping[str, str] | None = None) -> ASGIResponse:
    """Return `body` as JSON that nobody caches."""
    return ASGIResponse(
        body=_encoder.encode(body),
        status_code=status,
        media_type=JSON,
        headers={"cache-control": "no-store", **(headers or {})},
    )


def no_content() -> ASGIResponse:
    """Return 204."""
    return ASGIResponse(status_code=204, media_type="text/plain")


def route_headers(route: Route | None) -> dict[str, str]:
    """Return what is known of the call that answers at a stream's first byte."""
    if route is None:
        return {}
    return _headers(str(route.id), route.tier.value, route.model, route.node, route.reason.value)


def result_headers(result: RunResult) -> dict[str, str]:
    """Return the headers of a JSON answer: its last chat call's route and cost."""
    call = answering_call(result)
    if call is None:
        return {}
    known = _headers(str(call.route_id or ""), call.tier or "", call.model, call.node, call.reason or "")
    return known | cost_header(call.cost_usd)


def cost_header(cost_usd: float) -> dict[str, str]:
    """Return the header that says what the call cost that answered."""
    return {"x-cost-usd": f"{cost_usd:.6f}"}


def answering_call(result: RunResult) -> RouteSummary | None:
    """Return the call that gave the answer: the last chat call that ended well."""
    chats = [call for call in result.routes if call.kind == "chat"]
    return next((call for call in reversed(chats) if call.outcome == "done"), chats[-1] if chats else None)


def _headers(route_id: str, tier: str, model: str, node: str, reason: str) -> dict[str, str]:
    named = {
        "x-route-id": route_id,
        "x-route-tier": tier,
        "x-route-model": model,
        "x-route-node": node,
        "x-route-reason": reason,
    }
    return {name: _UNPRINTABLE.sub("?", value) for name, value in named.items() if value}
