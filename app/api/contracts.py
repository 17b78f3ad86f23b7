"""What a request insists on: the headers of a routing contract, which every path that makes calls takes."""

import re

import msgspec

from app.api.auth import HttpRequest
from app.api.routing import Parameter
from app.errors import BadInput
from app.inference.words.contract import Contract, strictest
from app.inference.words.tiers import TIERS, Tier

MIN_TIER, DIGEST, NO_DEGRADE = "x-route-min-tier", "x-route-digest", "x-route-no-degrade"
CONTRACT_HEADERS = (MIN_TIER, DIGEST, NO_DEGRADE)
_DIGEST = re.compile(r"(sha256:)?[0-9a-f]{64}", re.ASCII)

PARAMETERS = (
    Parameter(
        MIN_TIER,
        "header",
        "No model below this tier answers: 409 `contract_unmet` where none can.",
        {"type": "string", "enum": [tier.value for tier in TIERS]},
    ),
    Parameter(
        DIGEST,
        "header",
        "Only a model with this digest answers, as lists of models show it: 409 `contract_unmet` where none can.",
        {"type": "string", "pattern": f"^{_DIGEST.pattern}$"},
    ),
    Parameter(
        NO_DEGRADE,
        "header",
        "`true`: no model below the tier that the question needs answers: 409 `contract_unmet` where none can.",
        {"type": "string", "enum": ["true", "false"]},
    ),
)


def contract_of(request: HttpRequest, *others: Contract | None) -> Contract:
    """Return all that a request insists on: by its headers, and by `others` (its body).

    Raises BadInput naming the header, ContractUnmet for what no model can be.
    """
    tier = _one(request, MIN_TIER)
    if tier is not None and tier not in TIERS:
        raise BadInput(f"a tier is one of {', '.join(TIERS)}", field=MIN_TIER)
    refuses = _one(request, NO_DEGRADE)
    if refuses not in (None, "true", "false"):
        raise BadInput("says `true` or `false`", field=NO_DEGRADE)
    given = Contract(
        min_tier=None if tier is None else Tier(tier),
        digest=digest_of(_one(request, DIGEST), DIGEST),
        no_degrade=refuses == "true",
    )
    return strictest(*(_plain(other) for other in others if other is not None), given)


def digest_of(text: str | None, field: str) -> str | None:
    """Return a digest as nodes show it. Raises BadInput for what is none."""
    if text is None:
        return None
    if _DIGEST.fullmatch(text) is None:
        raise BadInput("a digest is 64 hexadecimal digits", field=field)
    return text.removeprefix("sha256:")


def _plain(contract: Contract) -> Contract:
    return msgspec.structs.replace(contract, digest=digest_of(contract.digest, "contract.digest"))


def _one(request: HttpRequest, name: str) -> str | None:
    given = request.headers.getall(name, [])
    if len(given) > 1:
        raise BadInput("is given twice", field=name)
    return given[0].strip().lower() if given else None
