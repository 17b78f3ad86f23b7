"""A rebuild that Qdrant does not complete leaves the old collection in its place."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from qdrant_client import AsyncQdrantClient, models

from app.errors import StoreUnavailable
from app.retrieval.collection import CollectionKeeper
from app.retrieval.rebuild import Rebuild, Rebuilt
from tests.unit.retrieval.test_shape import WANTED, described

POINTS = 5


class Peers:
    """Peers of which the new collection holds `kept` of the points that it was given; `asked` in order."""

    def __init__(self, kept: int) -> None:
        self._counts = iter((POINTS, kept))
        self.asked: list[str] = []

    async def ask(
        self,
        operation: str,
        request: Callable[[AsyncQdrantClient], Awaitable[Any]],
        limit_s: float | None = None,
        /,
    ) -> Any:  # noqa: ANN401 - a body as it came
        del request, limit_s
        self.asked.append(operation)
        match operation:
            case "aliases":
                alias = models.AliasDescription(alias_name="chunks", collection_name="chunks_v1")
                return models.CollectionsAliasesResponse(aliases=[alias])
            case "describe":
                return described(shards=6)
            case "count":
                return models.CountResult(count=next(self._counts))
            case "scroll":
                vector: dict[str, Any] = {"dense": [0.0] * 8}
                return [models.Record(id=number, payload={}, vector=vector) for number in range(POINTS)], None
            case "index":
                return models.UpdateResult(operation_id=1, status=models.UpdateStatus.COMPLETED)
            case _:
                return True


def rebuild_over(peers: Peers) -> Rebuild:
    """A rebuild that asks these peers."""
    keeper = CollectionKeeper(peers.ask, "chunks", WANTED, clock=lambda: 0.0)
    return Rebuild(peers.ask, keeper, "chunks", WANTED)


async def test_an_alias_moves_when_every_point_is_there() -> None:
    peers = Peers(kept=POINTS)
    assert await rebuild_over(peers).run(lambda _copied, _total: None) == Rebuilt("chunks_v2", "chunks_v1", POINTS)
    assert peers.asked[-2:] == ["alias", "drop"]
    assert peers.asked.index("create") < peers.asked.index("index") < peers.asked.index("alias")


async def test_an_alias_stays_when_points_are_missing() -> None:
    peers = Peers(kept=POINTS - 1)
    with pytest.raises(StoreUnavailable, match="chunks_v2 holds 4 of 5 points"):
        await rebuild_over(peers).run(lambda _copied, _total: None)
    assert "alias" not in peers.asked
    assert peers.asked.count("drop") == 1
