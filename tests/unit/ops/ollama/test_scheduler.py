"""Loading, sharing, reloading and unloading models, with engines that are only records."""

import asyncio
from pathlib import Path
from typing import cast

import pytest

from ops.local.ollama import environment, names, options
from ops.local.ollama.engine import Engine, Launch, LoadFailed
from ops.local.ollama.environment import Environment
from ops.local.ollama.faults import Refused
from ops.local.ollama.llama import Llama
from ops.local.ollama.scheduler import Scheduler, Wanted
from ops.local.ollama.slots import Queue, Slots
from ops.local.ollama.store import Model, Store
from tests.unit.ops.ollama.files import CHAT, EMBED, StoreMaker

LIBRARY = "registry.ollama.ai/library"


class FakeEngine:
    """An engine without a process."""

    def __init__(self, launch: Launch) -> None:
        self.launch = launch
        self.is_running = True

    async def close(self) -> None:
        self.is_running = False


def _no_connection(_engine: Engine) -> Llama:
    return cast("Llama", None)


class Fleet:
    """Starts fake engines and keeps them; a load takes until `may_load` is set."""

    def __init__(self, root: Path, **variables: str) -> None:
        self.started: list[FakeEngine] = []
        self.may_load = asyncio.Event()
        self.may_load.set()
        self.fails = False
        settings: Environment = environment.read(variables, root)
        self.scheduler = Scheduler(settings, _no_connection, self._start, lambda: 1000.0)
        self._settings = settings
        maker = StoreMaker(root / "models")
        for name, values in (("small", CHAT), ("other", {**CHAT, "general.name": "Other"}), ("embed", EMBED)):
            maker.add(f"{LIBRARY}/{name}/1b", values, {})
        self._store = Store(maker.root)

    async def _start(self, launch: Launch) -> Engine:
        await self.may_load.wait()
        if self.fails:
            raise LoadFailed("no")
        self.started.append(FakeEngine(launch))
        return cast("Engine", self.started[-1])

    def model(self, name: str) -> Model:
        return self._store.get(names.parse(f"{name}:1b"))

    def wanted(
        self,
        name: str = "small",
        *,
        num_ctx: int | None = None,
        keep_alive_s: int | None = 60,
        shift: bool | None = None,
    ) -> Wanted:
        model = self.model(name)
        chosen = options.choose(
            ({"num_ctx": num_ctx} if num_ctx else {},),
            context_length=self._settings.context_length,
            is_embedding=model.header.is_embedder,
        )
        return Wanted(model, chosen, None if keep_alive_s is None else keep_alive_s * 1_000_000_000, shift)

    async def call(self, wanted: Wanted) -> FakeEngine:
        async with self.scheduler.lease(wanted) as runner:
            return cast("FakeEngine", runner.engine)

    @property
    def names(self) -> list[str]:
        return [runner.model.name.model for runner in self.scheduler.loaded()]


@pytest.fixture
def fleet(tmp_path: Path) -> Fleet:
    return Fleet(tmp_path, OLLAMA_NUM_PARALLEL="3")


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_a_second_call_uses_the_loaded_model(fleet: Fleet) -> None:
    assert await fleet.call(fleet.wanted()) is await fleet.call(fleet.wanted())


@pytest.mark.parametrize("change", [{"num_ctx": 512}, {"shift": False}])
async def test_another_context_or_shift_loads_the_model_again(fleet: Fleet, change: dict[str, int]) -> None:
    first = await fleet.call(fleet.wanted(num_ctx=256))
    second = await fleet.call(fleet.wanted(**{"num_ctx": 256, **change}))  # pyright: ignore[reportArgumentType]
    assert first is not second
    assert (first.is_running, second.is_running) == (False, True)


async def test_a_context_that_nobody_named_fits_any_automatic_one(fleet: Fleet) -> None:
    first = await fleet.call(fleet.wanted())
    assert await fleet.call(fleet.wanted(num_ctx=2048)) is first


async def test_a_context_is_at_most_what_the_model_was_trained_for(fleet: Fleet) -> None:
    first = await fleet.call(fleet.wanted(num_ctx=99_999))
    assert first.launch.options.num_ctx == 2048
    assert await fleet.call(fleet.wanted(num_ctx=50_000)) is first


async def test_an_embedding_model_has_one_slot(fleet: Fleet) -> None:
    assert (await fleet.call(fleet.wanted())).launch.parallel == 3
    assert (await fleet.call(fleet.wanted("embed"))).launch.parallel == 1


async def test_a_model_that_crashed_is_loaded_again(fleet: Fleet) -> None:
    first = await fleet.call(fleet.wanted())
    first.is_running = False
    assert await fleet.call(fleet.wanted()) is not first


async def test_keep_alive_zero_unloads_after_the_call(fleet: Fleet) -> None:
    engine = await fleet.call(fleet.wanted(keep_alive_s=0))
    await settle()
    assert not engine.is_running
    assert fleet.names == []


async def test_an_unload_waits_for_the_calls_that_run(fleet: Fleet) -> None:
    async with fleet.scheduler.lease(fleet.wanted()) as runner:
        fleet.scheduler.expire(fleet.model("small"))
        await settle()
        assert runner.engine.is_running
    await settle()
    assert not runner.engine.is_running


async def test_the_last_call_decides_how_long_the_model_stays(fleet: Fleet) -> None:
    await fleet.call(fleet.wanted(keep_alive_s=60))
    await fleet.call(fleet.wanted(keep_alive_s=5))
    (runner,) = fleet.scheduler.loaded()
    assert fleet.scheduler.expires_at(runner).timestamp() == 1005.0
    await fleet.call(fleet.wanted(keep_alive_s=None))
    assert fleet.scheduler.expires_at(runner).timestamp() == 1005.0
    await fleet.scheduler.close()


async def test_the_shortest_idle_model_makes_room(tmp_path: Path) -> None:
    fleet = Fleet(tmp_path, OLLAMA_MAX_LOADED_MODELS="2")
    await fleet.call(fleet.wanted("small", keep_alive_s=10))
    await fleet.call(fleet.wanted("other", keep_alive_s=99))
    await fleet.call(fleet.wanted("embed", keep_alive_s=99))
    assert sorted(fleet.names) == ["embed", "other"]
    await fleet.scheduler.close()


async def test_of_models_that_stay_equally_long_the_first_by_the_path_of_its_weights_makes_room(tmp_path: Path) -> None:
    """server/sched.go, findRunnerToUnload: sort.Sort(ByDurationAndName), whose second key is modelPath."""
    fleet = Fleet(tmp_path, OLLAMA_MAX_LOADED_MODELS="2")
    for first, second in (("small", "other"), ("other", "small")):
        for name in (first, second, "embed"):
            await fleet.call(fleet.wanted(name, keep_alive_s=60))
        leaves = min((first, second), key=lambda name: str(fleet.model(name).weights))
        assert leaves not in fleet.names
        for name in fleet.names:
            fleet.scheduler.expire(fleet.model(name))
    await fleet.scheduler.close()


async def test_a_busy_model_is_waited_for(tmp_path: Path) -> None:
    fleet = Fleet(tmp_path, OLLAMA_MAX_LOADED_MODELS="1")
    async with fleet.scheduler.lease(fleet.wanted("small")):
        other = asyncio.create_task(fleet.call(fleet.wanted("other")))
        await settle()
        assert not other.done()
    await other
    assert fleet.names == ["other"]
    await fleet.scheduler.close()


async def test_calls_of_a_loaded_model_pass_by_a_load(fleet: Fleet) -> None:
    await fleet.call(fleet.wanted("small"))
    fleet.may_load.clear()
    loading = asyncio.create_task(fleet.call(fleet.wanted("other")))
    await settle()
    await fleet.call(fleet.wanted("small"))
    assert not loading.done()
    fleet.may_load.set()
    await loading
    await fleet.scheduler.close()


async def test_more_waiting_loads_than_the_queue_holds_are_refused(tmp_path: Path) -> None:
    fleet = Fleet(tmp_path, OLLAMA_MAX_QUEUE="1")
    fleet.may_load.clear()
    calls = [asyncio.create_task(fleet.call(fleet.wanted("small"))) for _ in range(3)]
    await settle()
    with pytest.raises(Refused) as caught:
        await calls[2]
    assert caught.value.status == 503
    fleet.may_load.set()
    assert await calls[0] is await calls[1]
    await fleet.scheduler.close()


async def test_a_cancelled_load_leaves_the_way_free(fleet: Fleet) -> None:
    fleet.may_load.clear()
    first = asyncio.create_task(fleet.call(fleet.wanted()))
    await settle()
    first.cancel()
    await settle()
    fleet.may_load.set()
    assert (await fleet.call(fleet.wanted())).is_running
    await fleet.scheduler.close()


async def test_a_failed_load_is_500_and_can_be_tried_again(fleet: Fleet) -> None:
    fleet.fails = True
    with pytest.raises(Refused) as caught:
        await fleet.call(fleet.wanted())
    assert (caught.value.status, caught.value.text[:20]) == (500, "unable to load model")
    fleet.fails = False
    assert (await fleet.call(fleet.wanted())).is_running
    await fleet.scheduler.close()


async def test_a_load_that_takes_too_long_is_500(tmp_path: Path) -> None:
    fleet = Fleet(tmp_path, OLLAMA_LOAD_TIMEOUT="1ms")
    fleet.may_load.clear()
    with pytest.raises(Refused) as caught:
        await fleet.call(fleet.wanted())
    assert caught.value.text == "timed out waiting for llama runner to start"


async def test_closing_unloads_even_what_is_in_use(fleet: Fleet) -> None:
    async with fleet.scheduler.lease(fleet.wanted()) as runner:
        await fleet.scheduler.close()
        assert not runner.engine.is_running
    assert fleet.names == []


async def test_the_size_of_a_loaded_model_counts_the_context_of_every_slot(fleet: Fleet) -> None:
    await fleet.call(fleet.wanted(num_ctx=256))
    (runner,) = fleet.scheduler.loaded()
    file_bytes = runner.model.weights.stat().st_size
    # Two layers, keys and values, 768 tokens, 32 numbers (two heads of sixteen) of two bytes each.
    assert runner.size_bytes - file_bytes == 2 * 2 * 768 * 32 * 2
    await fleet.scheduler.close()


async def test_slots_are_given_in_the_order_of_asking_and_back_when_the_asker_leaves() -> None:
    slots = Slots(1, Queue(2))
    order: list[str] = []

    async def use(name: str) -> None:
        async with slots.one():
            order.append(name)
            await asyncio.sleep(0)

    async with slots.one():
        first, second = (asyncio.create_task(use(name)) for name in ("first", "second"))
        await settle()
        with pytest.raises(Refused):
            await use("third")
        first.cancel()
        await settle()
        fourth = asyncio.create_task(use("fourth"))
        await settle()
    await asyncio.gather(second, fourth)
    assert order == ["second", "fourth"]
