"""Opens every pool and client, builds the doors, and closes in reverse order."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import perf_counter

import structlog
from prometheus_client import CollectorRegistry
from prometheus_client.gc_collector import GCCollector
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

from app.accounts.keys import Keys
from app.accounts.tenants import Tenants
from app.agents.calls import CallLimits
from app.agents.checkpoints import StrictSerializer
from app.agents.event_log import EventLog
from app.agents.execution import Execution, Parts
from app.agents.prompts import load_prompts
from app.agents.runner import Runner
from app.agents.runs import Runs
from app.agents.sessions import Sessions
from app.agents.team import load_teams
from app.blobs import Blobs
from app.errors import StoreUnavailable
from app.inference.routes import Routes
from app.postgres import Database, make_pool
from app.redis import RedisStore, open_redis
from app.retrieval.documents import Documents
from app.retrieval.jobs import Jobs
from app.retrieval.qdrant import QdrantPeers
from app.retrieval.search import Search
from app.settings import Settings, split_list
from app.telemetry.metrics import Metrics

log = structlog.get_logger(__name__)

WATCH_EVERY_S = 5.0


@dataclass(frozen=True, slots=True)
class Platform:
    """Every door of the application; `api` and `worker` need nothing else."""

    settings: Settings
    metrics: Metrics
    database: Database
    cache: RedisStore
    coordination: RedisStore
    qdrant: QdrantPeers
    keys: Keys
    tenants: Tenants
    runner: Runner
    runs: Runs
    sessions: Sessions
    documents: Documents
    jobs: Jobs
    search: Search
    routes: Routes
