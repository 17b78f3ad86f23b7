"""/api/v1/routes: where a call went and why, and where one would go."""

from typing import Annotated

import msgspec
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp
from msgspec import Meta

from app import errors
from app.api.auth import HttpRequest, Permission, caller_of
from app.api.bodies import read_json, uuid_or
from app.api.contracts import PARAMETERS, contract_of
from app.api.direct.wanted import AUTO, OfModel, OfTeam, OfTier, read_wanted
from app.api.doors import Routes
from app.api.model_doors import Models
from app.api.replies import reply
from app.api.routing import Doc, Success, route
from app.errors import BadInput, RouteUnknown
from app.ids import Caller, RouteId
from app.inference.routing.explanation import Choice, Explanation, in_words
from app.inference.words.abilities import Ability
from app.inference.words.account import Account, Purpose
from app.inference.words.contract import Contract, under_key
from app.inference.words.messages import Message
from app.inference.words.records import ChatCall
from app.inference.words.route import Asking, Candidate, Reason, Route
from app.inference.words.tiers import Tier, TierReason

_ANY_TOOL = msgspec.Raw(b"{}")


class RouteView(Route, frozen=True, kw_only=True):
    """A route, and the same in words."""

    explanation: Explanation


class PlanRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A question that nobody is asked."""

    message: Annotated[str, Meta(min_length=1, description="The question.")]
    model: Annotated[str, Meta(description="`auto`, a tier or a model.")] = AUTO
    max_tokens: Annotated[int, Meta(ge=1, le=32_768)] = 320
    contract: Contract | None = None
    needs: Annotated[
        tuple[Ability, ...], Meta(max_length=2, description="What the call would have beside its text.")
    ] = ()


class PlanView(msgspec.Struct, frozen=True, kw_only=True):
    """Where the call would go now; `model` and the like are null when nothing can take it.

    `unmet` is then the term of the contract without which something could, `lacking` what no model here can do.
    """

    floor: Tier
    tier_reason: TierReason
    need: float
    tier: Tier | None
    model: str | None
    node: str | None
    digest: str | None
    reason: Reason | None
    unmet: str | None
    lacking: Ability | None
    asking: Asking
    candidates: tuple[Candidate, ...]
    explanation: Explanation


GET = Doc(
    summary="Why a call went where it went",
    tag="routes",
    text="The tier and how it was chosen, every candidate with the terms of its score, the choice and its reason, and "
    "all of that in words. Routes are kept for SWITCHYARD_ROUTES_DAYS.",
    successes={200: Success("The route", body=RouteView)},
    refusals=(RouteUnknown, errors.StoreUnavailable),
)
POST = Doc(
    summary="Where a call would go",
    tag="routes",
    text="Rates a question and places it as a call, and makes none: no model is asked, no slot taken, nothing stored.",
    body=PlanRequest,
    example={"message": "Prove that the square root of two is irrational."},
    parameters=PARAMETERS,
    successes={200: Success("What would be chosen now, and why", body=PlanView)},
    refusals=(
        errors.BadInput,
        errors.ModelUnknown,
        errors.ContextTooLong,
        errors.ContractUnmet,
        errors.MediaTypeUnknown,
        errors.BodyTooLarge,
    ),
)


class RouteRoutes:
    """The routes under /api/v1/routes."""

    def __init__(self, stored: Routes, models: Models, *, body_limit_bytes: int) -> None:
        self._stored = stored
        self._models = models
        self._decoder = msgspec.json.Decoder(PlanRequest)
        self._body_limit_bytes = body_limit_bytes

    def routes(self) -> list[HTTPRouteHandler]:
        """Return the handlers."""
        return [
            route("GET", "/api/v1/routes/{route_id:str}", self.get, Permission.READ, GET),
            route("POST", "/api/v1/routes", self.plan, Permission.READ, POST),
        ]

    async def get(self, request: HttpRequest) -> ASGIApp:
        """Return one route."""
        route_id = RouteId(uuid_or(request.path_params["route_id"], RouteUnknown, "route"))
        return reply(view_of(await self._stored.get(caller_of(request).tenant_id, route_id)))

    async def plan(self, request: HttpRequest) -> ASGIApp:
        """Say where a call would go."""
        caller = caller_of(request)
        asked = await read_json(request, self._decoder, self._body_limit_bytes)
        plan = await self._models.plan(_call(caller, asked, contract_of(request, asked.contract)))
        choice, chosen = plan.choice, plan.choice.chosen
        return reply(
            PlanView(
                floor=choice.floor,
                tier_reason=choice.tier_reason,
                need=choice.need,
                tier=None if chosen is None else chosen.tier,
                model=None if chosen is None else chosen.model,
                node=None if chosen is None else chosen.node,
                digest=None if chosen is None else chosen.digest,
                reason=choice.reason,
                unmet=plan.unmet,
                lacking=plan.lacking,
                asking=choice.asking,
                candidates=tuple(choice.candidates),
                explanation=in_words(choice),
            )
        )


def view_of(stored: Route) -> RouteView:
    """Return a route with its explanation."""
    chosen = next((one for one in stored.candidates if (one.node, one.model) == (stored.node, stored.model)), None)
    choice = Choice(
        floor=stored.asking.floor or stored.tier,
        tier_reason=stored.tier_reason,
        need=stored.need,
        asking=stored.asking,
        candidates=stored.candidates,
        chosen=chosen,
        reason=stored.reason,
    )
    return RouteView(**msgspec.structs.asdict(stored), explanation=in_words(choice))


def _call(caller: Caller, asked: PlanRequest, contract: Contract) -> ChatCall:
    wanted = read_wanted(asked.model)
    if isinstance(wanted, OfTeam):
        raise BadInput("a team makes several calls: ask for `auto`, a tier or a model", field="model")
    return ChatCall(
        messages=(Message("user", asked.message, images=("",) if Ability.VISION in asked.needs else ()),),
        tools=(_ANY_TOOL,) if Ability.TOOLS in asked.needs else (),
        question=asked.message,
        agent="route",
        account=Account(purpose=Purpose.CHAT, tenant_id=caller.tenant_id, key_id=caller.key_id),
        max_tokens=asked.max_tokens,
        temperature=0.0,
        tier=wanted.tier if isinstance(wanted, OfTier) else None,
        model=wanted.name if isinstance(wanted, OfModel) else None,
        contract=under_key(caller.contract, contract),
    )
