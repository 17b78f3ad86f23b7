"""Opens every pool and client, builds the doors, and closes in reverse order."""

import asyncio
import time
from collections.abc import AsyncGenerator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

from app.accounts.keys import Keys
from app.accounts.tenants import Tenants
from app.agents.sessions import Sessions
from app.agents.summaries import open_summarising
from app.agents.task_load import TaskLoad
from app.agents.tasks import Tasks
from app.agents.team import find_teams
from app.callback_urls import allowed_of
from app.configuration import Configuration
from app.health import Health
from app.inference.calls.attempts import Limits
from app.inference.calls.usage_day_rows import Upkeep
from app.inference.fleet.offering import Offering
from app.inference.opening import Inference, Knobs, open_inference
from app.inference.operating import Operating
from app.job_calls import embed_for
from app.jobs.rows import Jobs
from app.jobs.workers import Workers
from app.judge_calls import open_judging
from app.looks import Looks
from app.loops import Loop, Loops
from app.platform import Platform
from app.postgres import make_queue_pool
from app.retrieval.cold import AgeFrom, Limit
from app.retrieval.editions.editions import Editions, Seed
from app.retrieval.opening import Finding, Retrieval, Rules, open_retrieval
from app.retrieval.states import DOCUMENT_JOBS
from app.retrieval.versions import end_cancelled
from app.running import Running, open_runs
from app.schema import older_versions
from app.series import begin_all, begin_node
from app.settings import Settings, split_list
from app.stores import Stores, open_stores
from app.webhook_client import WebhookClient
from app.webhooks.deliveries import Deliveries

WATCH_EVERY_S, LOOK_EVERY_S, USES_EVERY_S, TURN_LIMIT_S, FIRST_TRY_S = 5.0, 10.0, 60.0, 30.0, 3.0
QUEUE_CONNECTIONS = 10
"""The job queue's own: four listen all the time, the others fetch and finish jobs."""


@asynccontextmanager
async def open_platform(configuration: Configuration) -> AsyncGenerator[Platform]:
    """Open everything, and close it in reverse order. Stores that are away do not keep a process from starting."""
    settings = configuration.settings
    async with AsyncExitStack() as stack:
        stores = await open_stores(settings, stack)
        begin_all(stores.metrics, configuration.catalogue, find_teams())
        stores.metrics.replicas_configured.set(settings.replica_count)
        loops = Loops(stores.metrics)
        inference = await stack.enter_async_context(
            open_inference(
                configuration.catalogue,
                stores.database,
                stores.coordination,
                stores.metrics,
                _knobs(settings),
                cache=stores.cache,
                loops=loops,
            )
        )
        inference.fleet.when_added(partial(begin_node, stores.metrics, configuration.catalogue))
        platform = _build(configuration, stores, inference, loops)
        # Once here, so that a first question usually finds the collection; then for as long as it takes.
        ensure = platform.editions.ensure
        if not await loops.turn(Loop.COLLECTION, ensure, limit_s=FIRST_TRY_S):
            await stack.enter_async_context(
                loops.beside(loops.until_done(Loop.COLLECTION, ensure, limit_s=TURN_LIMIT_S))
            )
        await stack.enter_async_context(loops.beside(*_loops_of(platform)))
        stack.callback(platform.deliveries.close)
        stack.push_async_callback(platform.documents.close)
        stack.push_async_callback(partial(platform.runner.close, drain_s=settings.drain_s))
        yield platform


def _knobs(settings: Settings) -> Knobs:
    limits = Limits(
        slot_wait_s=settings.slot_wait_s,
        first_token_s=settings.first_token_s,
        load_s=settings.load_s,
        gap_s=settings.gap_s,
    )
    return Knobs(
        limits=limits,
        embed_model=settings.embed_model,
        replica_count=settings.replica_count,
        slot_lease_s=settings.slot_lease_s,
        probe_interval_s=settings.probe_interval_s,
        node_ca=settings.node_ca,
        node_tokens_dir=settings.node_tokens_dir,
    )


def _build(configuration: Configuration, stores: Stores, inference: Inference, loops: Loops) -> Platform:
    settings, metrics, database = configuration.settings, stores.metrics, stores.database
    jobs, sessions = Jobs(database, metrics, DOCUMENT_JOBS, on_cancelled=end_cancelled), Sessions(database, metrics)
    editions = Editions(database, stores.qdrant, Seed(settings.embed_model, settings.embed_size), metrics)
    looks, retrieval = _looks(stores, editions), _retrieval(settings, stores, editions, jobs, inference)
    running = open_runs(configuration, stores, inference, sessions, retrieval.search)
    return Platform(
        settings=settings,
        metrics=metrics,
        database=database,
        queue_pool=make_queue_pool(stores.access, size=QUEUE_CONNECTIONS, wait_s=10),
        keys=Keys(database),
        tenants=Tenants(database),
        teams=running.teams,
        runner=running.runner,
        runs=running.runs,
        places=running.places,
        sessions=sessions,
        tasks=Tasks(database, _task_load(settings, stores), session_ttl_s=settings.session_ttl_seconds),
        deliveries=Deliveries(database, _webhook_client(settings), metrics),
        documents=retrieval.documents,
        jobs=jobs,
        workers=Workers(jobs, retrieval.works()),
        document_upkeep=retrieval.upkeep,
        search=retrieval.search,
        editions=editions,
        dispatcher=inference.dispatcher,
        fleet=inference.fleet,
        offers=Offering(inference.fleet, [team.name for team in running.teams]),
        nodes=Operating(inference.roster, inference.fleet, stores.coordination),
        models=inference.models,
        leases=inference.leases,
        book=inference.book,
        upkeep=Upkeep(database, usage_days=settings.usage_days, routes_days=settings.routes_days),
        looks=looks,
        health=_health(looks, stores, inference, running, sessions, loops),
        judging=open_judging(settings, database, inference, configuration.prompts, metrics),
        summarising=open_summarising(database, inference.dispatcher, inference.book, configuration.prompts),
        loops=loops,
    )


def _task_load(settings: Settings, stores: Stores) -> TaskLoad:
    teams = [team.name for team in find_teams()]
    return TaskLoad(stores.database, stores.metrics, teams=teams, silent_s=settings.job_lease_s)


def _webhook_client(settings: Settings) -> WebhookClient:
    return WebhookClient(allowed_of(split_list(settings.webhook_allow)))


def _health(
    looks: Looks, stores: Stores, inference: Inference, running: Running, sessions: Sessions, loops: Loops
) -> Health:
    return Health(
        looks=looks,
        database=stores.database,
        fleet=inference.fleet,
        runner=running.runner,
        sessions=sessions,
        loops=loops,
    )


def _retrieval(settings: Settings, stores: Stores, editions: Editions, jobs: Jobs, inference: Inference) -> Retrieval:
    cold = Limit(settings.cold_after_days, AgeFrom(settings.cold_age_from))
    finding = Finding(stores.reranker, inference.calibration.most_tokens)
    return open_retrieval(
        stores.database,
        stores.blobs,
        editions,
        stores.metrics,
        jobs,
        embed=embed_for(inference),
        rules=Rules(settings.max_upload_bytes, cold, inference.dispatcher.forget, settings.job_lease_s, finding),
    )


def _looks(stores: Stores, editions: Editions) -> Looks:
    return Looks(
        database=stores.database,
        redis=(stores.cache, stores.coordination),
        qdrant=stores.qdrant,
        editions=editions,
        blobs=stores.blobs,
        metrics=stores.metrics,
        older_versions=older_versions(),
    )


def _loops_of(platform: Platform) -> tuple[Coroutine[object, object, None], ...]:
    """Return what keeps the leases of runs, and the gauges that no request sets."""
    repeat, lease_s = platform.loops.repeat, platform.settings.run_lease_s
    every_s = lease_s / 3
    return (
        repeat(Loop.RUN_RENEWAL, every_s, platform.runner.renew, limit_s=lease_s, longest_pause_s=every_s),
        # The turn itself waits, to see how late the event loop wakes it.
        repeat(Loop.WATCH, 0.0, partial(_watch, platform), limit_s=TURN_LIMIT_S),
        # For stores that nobody asks at present.
        repeat(Loop.STORES_LOOK, LOOK_EVERY_S, platform.looks.look, limit_s=TURN_LIMIT_S),
        repeat(Loop.USES, USES_EVERY_S, platform.document_upkeep.uses.write, limit_s=TURN_LIMIT_S),
        repeat(Loop.SESSIONS_COUNT, WATCH_EVERY_S, platform.health.count_sessions, limit_s=TURN_LIMIT_S),
    )


async def _watch(platform: Platform) -> None:
    before = time.monotonic()
    await asyncio.sleep(WATCH_EVERY_S)
    platform.metrics.loop_awake_at.set_to_current_time()
    platform.metrics.loop_lag.set(max(0.0, time.monotonic() - before - WATCH_EVERY_S))
    platform.health.watch()  # a replica does so at every scrape too; a worker's are served without asking it
