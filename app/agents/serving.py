"""Whether anything can serve a run, before it is accepted from somebody who waits for it."""

from app.agents.values import StartRun
from app.ids import Caller
from app.inference.calls.dispatcher import Dispatcher
from app.inference.words.account import Account, Purpose


async def ready(dispatcher: Dispatcher, caller: Caller, ask: StartRun) -> None:
    """Return if the run's first call could be made or wait for a slot.

    Raises NoNodeAvailable, NoSlotInTime, ContractUnmet.
    """
    await dispatcher.ready(
        dispatcher.rate(ask.question, 0, None).tier,
        Account(purpose=Purpose.CHAT, tenant_id=caller.tenant_id, key_id=caller.key_id),
        contract=ask.options.contract,
        priority=ask.options.priority,
        deadline_s=ask.options.deadline_s,
    )
