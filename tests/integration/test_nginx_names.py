"""nginx finds replicas by name while it runs, as in compose: it starts without them and follows their number."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import httpx
import pytest

from ops.local.ports import find_free
from tests.fakes.edge import read_environ
from tests.fakes.names import name_server
from tests.integration.nginx_fixtures import LIMIT_S, FakeReplica, running, start_replicas

HOSTS = ("127.0.0.11", "127.0.0.12", "127.0.0.13")


async def until_served_by(client: httpx.AsyncClient, replicas: Sequence[FakeReplica], hosts: Sequence[str]) -> None:
    """Ask until six requests in a row were all answered, by exactly the replicas on `hosts`."""
    served, all_answered = set[str](), False
    async with asyncio.timeout(LIMIT_S):
        while served != set(hosts) or not all_answered:
            before = [len(replica.seen) for replica in replicas]
            replies = [await client.get("/x") for _ in range(6)]
            after = [len(replica.seen) for replica in replicas]
            served = {host for host, was, now in zip(HOSTS, before, after, strict=True) if now > was}
            all_answered = all(reply.is_success for reply in replies)
            await asyncio.sleep(0.05)


@pytest.mark.requirement("FIN-01.nginx")
@pytest.mark.requirement("FIN-50.balancer")
async def test_nginx_starts_without_replicas_and_serves_with_each_that_gets_the_name(tmp_path: Path) -> None:
    port = find_free()
    compose = read_environ("compose.env")
    async with name_server() as (names, names_port), start_replicas(tmp_path, HOSTS, port) as replicas:
        resolver, server = compose["SWITCHYARD_NGINX_RESOLVER"], compose["SWITCHYARD_NGINX_REPLICAS"]
        resolver = resolver.replace("127.0.0.11 valid=5s", f"127.0.0.1:{names_port} valid=1s")
        server = server.replace("replica:8000", f"replica:{port}")
        async with running(tmp_path, RESOLVER=resolver, REPLICAS=server) as edge, edge.client() as client:
            assert (await client.get("/x")).status_code == 503
            assert names.asked > 0
            for known in (HOSTS[:1], HOSTS, HOSTS[1:]):
                names.addresses = list(known)
                await until_served_by(client, replicas, known)
