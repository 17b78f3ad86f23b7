"""Each effect of a run is done once, in order, for the input that it was stored for."""

import pytest

from app.agents.effects import Done, Stored
from app.errors import RunFailed
from tests.fakes.runs import KeptEffects


class Act:
    """Does something, and counts how often."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.done = 0

    async def __call__(self) -> Done[str]:
        """Do it."""
        self.done += 1
        return Done(self.text)


def of_an_earlier_attempt(effects: KeptEffects) -> KeptEffects:
    """Return the effects of the next attempt, which has loaded these."""
    later = KeptEffects()
    later._stored |= {one.step_key: Stored(one.input_sha256, one.result) for one in effects.finished}  # pyright: ignore[reportPrivateUsage]
    return later


async def test_an_effect_that_an_earlier_attempt_stored_is_not_done_again() -> None:
    first, again = KeptEffects(), Act("another")
    await first.once("step", ("question", 3), Act("answer"), str)
    later = of_an_earlier_attempt(first)
    assert await later.once("step", ("question", 3), again, str) == "answer"
    assert (again.done, later.reused, later.finished) == (0, 1, [])


async def test_a_stored_effect_of_another_input_ends_the_run_and_is_taken_for_nothing() -> None:
    first, again = KeptEffects(), Act("another")
    await first.once("step", ("question", 3), Act("answer"), str)
    with pytest.raises(RunFailed) as caught:
        await of_an_earlier_attempt(first).once("step", ("question", 4), again, str)
    assert (caught.value.facts["reason"], again.done) == ("run_diverged", 0)


async def test_an_effect_that_waits_for_the_end_is_stored_before_the_next_one_begins() -> None:
    effects = KeptEffects()
    seen: list[list[str]] = []

    async def search() -> Done[str]:
        seen.append([one.step_key for one in effects.finished])
        return Done("found")

    await effects.keep(await effects.begin("answer", 1, str), Done("answer"), last=True)
    assert effects.finished == []
    await effects.once("search", 1, search, str)
    assert seen == [["answer:0"]]
    assert [one.step_key for one in effects.finished] == ["answer:0", "search:0"]


async def test_effects_of_one_path_are_told_apart_by_their_order() -> None:
    effects = KeptEffects()
    for text in ("first", "second"):
        await effects.once("step", 1, Act(text), str)
    later = of_an_earlier_attempt(effects)
    assert [await later.once("step", 1, Act("x"), str) for _ in range(2)] == ["first", "second"]
