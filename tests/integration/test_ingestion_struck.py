"""Whoever reads documents in is killed or frozen, as real processes are: each document is indexed exactly once.

A sample of what `python -m ops.verify --only ingestion` does at every boundary and at more moments.
"""

import os
from collections.abc import Callable, Iterator
from random import Random
from uuid import uuid4

import pytest

from ops.drill.application import Stores
from ops.drill.ingestion.drill import Drill, Signal, open_drill
from ops.drill.ingestion.series import boundaries, moments, strike

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]
ABOUT_S = 3.0
"""What an undisturbed ingestion of the drill takes; a moment that comes too late is drawn earlier."""


@pytest.fixture
def drill(
    new_database: Callable[[], str],
    valkey_urls: tuple[str, str],
    qdrant_urls: tuple[str, ...],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Drill]:
    """A replica, two workers and a node as processes, over a database and a collection of their own."""
    stores = Stores(new_database(), *valkey_urls, qdrant_urls)
    told = {"QDRANT_COLLECTION": f"struck-{uuid4()}"}
    with open_drill(tmp_path_factory.mktemp("struck"), os.environ, stores, told=told) as running:
        yield running


def test_whoever_reads_documents_in_is_frozen_at_a_boundary_and_killed_at_a_moment(
    drill: Drill, seeded: Callable[..., Random]
) -> None:
    rng = seeded(2, of=47)
    frozen = [case for case in boundaries(rng) if case.signal is Signal.FROZEN]
    for case in (rng.choice(frozen), *moments(rng, 1, ABOUT_S)):
        assert strike(drill, case).struck is not None
    assert drill.errors() == []
