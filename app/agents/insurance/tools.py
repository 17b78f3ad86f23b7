"""The tools of the insurance team, each over one tenant's tables."""

import msgspec

from app.agents.insurance import rows
from app.agents.insurance.records import Bill, FiledKind, LossClaim, Policy, Premium
from app.agents.insurance.rows import InsuranceRows
from app.agents.tools import Reading, Writing
from app.ids import TenantId
from app.postgres import Connection, Database
from app.retrieval.passages import Passage
from app.retrieval.sets import has_set, read_set
from app.retrieval.support.entries import MOST_UNFOUND

FAQ_SET = "insurance_FAQ_collection"
"""The set of documents that the FAQ is added to."""


class PolicyAsked(msgspec.Struct, frozen=True):
    """Which policy; with a customer, only if that customer holds it."""

    policy_number: str
    customer_id: str | None = None


class CustomerAsked(msgspec.Struct, frozen=True):
    """Whose policies."""

    customer_id: str


class ClaimsAsked(msgspec.Struct, frozen=True):
    """Which claim, or all of a policy; with a customer, only of policies that this customer holds."""

    claim_id: str | None = None
    policy_number: str | None = None
    customer_id: str | None = None


class Filing(msgspec.Struct, frozen=True):
    """What a person is to do, and for whom."""

    kind: FiledKind
    reason: str
    customer_id: str | None = None
    policy_number: str | None = None


class Held(msgspec.Struct, frozen=True):
    """The policies found: none where there is none, or it is somebody else's; `further` ones were not read."""

    policies: tuple[Policy, ...]
    further: int = 0


class Premiums(msgspec.Struct, frozen=True):
    """The premium found, if any."""

    premiums: tuple[Premium, ...]


class Billing(msgspec.Struct, frozen=True):
    """A policy with its bills, newest first; no policy, no bills. So many older ones were not read."""

    policy: Policy | None
    bills: tuple[Bill, ...] = ()
    further_unpaid: int = 0
    further_payments: int = 0


class Claims(msgspec.Struct, frozen=True):
    """The claims found, newest first; `is_policy_known` says whether there is a policy to have any.

    `further` older ones were not read.
    """

    claims: tuple[LossClaim, ...]
    is_policy_known: bool
    further: int = 0


class SetAsked(msgspec.Struct, frozen=True):
    """Which set of documents."""

    name: str


class SetStock(msgspec.Struct, frozen=True):
    """Whether a set has documents that can be asked."""

    has_documents: bool


class EntriesRead(msgspec.Struct, frozen=True):
    """What a set's documents say, in their order, from the first on."""

    passages: tuple[Passage, ...]


class Filed(msgspec.Struct, frozen=True):
    """What stands in the tables now, under a reference for people."""

    reference: str


async def _policy_details(database: Database, tenant_id: TenantId, asked: PolicyAsked) -> Held:
    policy = await InsuranceRows(database, tenant_id).find_policy(asked.policy_number, asked.customer_id)
    return Held(() if policy is None else (policy,))


async def _customer_policies(database: Database, tenant_id: TenantId, asked: CustomerAsked) -> Held:
    found = InsuranceRows(database, tenant_id)
    held = await found.list_policies(asked.customer_id)
    further = 0 if len(held) < rows.MOST_POLICIES else await found.count_policies(asked.customer_id) - len(held)
    return Held(held, max(0, further))


async def _premium(database: Database, tenant_id: TenantId, asked: PolicyAsked) -> Premiums:
    held = await _policy_details(database, tenant_id, asked)
    return Premiums(tuple(one.premium for one in held.policies))


async def _billing(database: Database, tenant_id: TenantId, asked: PolicyAsked) -> Billing:
    found = InsuranceRows(database, tenant_id)
    policy = await found.find_policy(asked.policy_number, asked.customer_id)
    if policy is None:
        return Billing(None)
    bills = await found.list_bills(policy.policy_number)
    if len(bills) < rows.NEWEST:
        return Billing(policy, bills)
    count = await found.count_bills(policy.policy_number)
    further_unpaid = count.unpaid - sum(one.is_unpaid for one in bills)
    further_payments = count.payments - sum(one.paid_on is not None for one in bills)
    return Billing(policy, bills, max(0, further_unpaid), max(0, further_payments))


async def _claims(database: Database, tenant_id: TenantId, asked: ClaimsAsked) -> Claims:
    found = InsuranceRows(database, tenant_id)
    if asked.claim_id is not None:
        claim = await found.find_claim(asked.claim_id, asked.customer_id)
        return Claims(() if claim is None else (claim,), claim is not None)
    policy = None
    if asked.policy_number is not None:
        policy = await found.find_policy(asked.policy_number, asked.customer_id)
    if policy is None:
        return Claims((), False)
    claims = await found.list_claims(policy.policy_number)
    further = 0 if len(claims) < rows.NEWEST else await found.count_claims(policy.policy_number) - len(claims)
    return Claims(claims, True, max(0, further))


async def _set_stock(database: Database, tenant_id: TenantId, asked: SetAsked) -> SetStock:
    return SetStock(await has_set(database, tenant_id, asked.name))


async def _read_entries(database: Database, tenant_id: TenantId, asked: SetAsked) -> EntriesRead:
    return EntriesRead(await read_set(database, tenant_id, asked.name, limit=MOST_UNFOUND))


async def _file(conn: Connection, tenant_id: TenantId, filing: Filing) -> Filed:
    filed = await rows.file(
        conn,
        tenant_id,
        filing.kind,
        filing.reason,
        customer_id=filing.customer_id,
        policy_number=filing.policy_number,
    )
    return Filed(filed.hex[:8].upper())


POLICY_DETAILS = Reading(
    name="policy_details",
    description="What a policy insures, up to how much, and until when.",
    arguments=PolicyAsked,
    result=Held,
    act=_policy_details,
)
CUSTOMER_POLICIES = Reading(
    name="customer_policies",
    description="Which policies a customer holds.",
    arguments=CustomerAsked,
    result=Held,
    act=_customer_policies,
)
PREMIUM = Reading(
    name="policy_premium",
    description="What a policy costs each period.",
    arguments=PolicyAsked,
    result=Premiums,
    act=_premium,
)
BILLING = Reading(
    name="billing_history",
    description="The bills of a policy, and which of them are paid.",
    arguments=PolicyAsked,
    result=Billing,
    act=_billing,
)
CLAIM_STATUS = Reading(
    name="claim_status",
    description="Where a claim, or the claims on a policy, stand.",
    arguments=ClaimsAsked,
    result=Claims,
    act=_claims,
)
SET_STOCK = Reading(
    name="set_stock",
    description="Whether the tenant has documents in a set.",
    arguments=SetAsked,
    result=SetStock,
    act=_set_stock,
)
READ_ENTRIES = Reading(
    name="read_entries",
    description="The entries of the FAQ, from the first on.",
    arguments=SetAsked,
    result=EntriesRead,
    act=_read_entries,
)
FILE_FOR_PERSON = Writing(
    name="file_for_person",
    description="Files a matter for a person to decide, or to call back about, once.",
    arguments=Filing,
    result=Filed,
    act=_file,
)
POLICY_TOOLS = (POLICY_DETAILS, CUSTOMER_POLICIES)
BILLING_TOOLS = (PREMIUM, BILLING)
CLAIMS_TOOLS = (CLAIM_STATUS,)
HELP_TOOLS = (SET_STOCK, READ_ENTRIES)
PERSON_TOOLS = (FILE_FOR_PERSON,)
