"""Every panel of every dashboard has data after real traffic, asked of a real Prometheus."""

import json
import math
import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import httpx
import pytest

from ops.drill.client import Reader, ask
from ops.local.process import poll_until
from ops.verify.stack import HANDBOOK, upload
from tests.acceptance.local import LocalStack
from tests.ops.dashboards import expressions
from tests.programs import missing

pytestmark = pytest.mark.timeout(480)

SEEN_LIMIT_S = 30.0
OUTAGE_LIMIT_S = 60.0
TURNS = 2
ROUNDS = 4
"""A counter's first value is no increase, so there are at least two, and more if a replica saw something only once."""
RULES_LIMIT_S = 8.0
"""Recording rules are evaluated every five seconds."""
CALM_LIMIT_S = 30.0
NO_PROBES = 'endpoint!~"/livez|/readyz|/health|/metrics"'
BROKEN = 4
CHAT = {"message": "How many days of leave do I have?", "max_tokens": 16, "seed": 1}


@dataclass(frozen=True, slots=True)
class Prometheus:
    """The stack's Prometheus, which watches so many processes."""

    http: httpx.Client
    processes: int

    def values(self, expression: str) -> list[float]:
        """Return the values of an expression now that are numbers."""
        reply = self.http.post("/api/v1/query", data={"query": expression})
        assert reply.status_code == 200, f"{expression}: {reply.text}"
        found = [float(series["value"][1]) for series in reply.json()["data"]["result"]]
        return [value for value in found if math.isfinite(value)]


@dataclass(frozen=True, slots=True)
class Caller:
    """A tenant of its own that uses the stack in every way that a panel shows."""

    url: str
    key: str

    def traffic(self) -> None:
        """Chat with a document at hand, as JSON and streamed, in one session, with mistakes and broken calls."""
        with httpx.Client(base_url=self.url, headers={"authorization": f"Bearer {self.key}"}, timeout=60) as client:
            for _ in range(TURNS):
                answer = client.post("/api/v1/chat", json=CHAT)
                assert answer.status_code == 200, answer.text
                session = answer.json()["session_id"]
                assert client.get(f"/api/v1/sessions/{session}").status_code == 200
                reader = Reader()
                ask(self.url, self.key, {**CHAT, "session_id": session}, reader)
                assert reader.end == "done"
                self._mistakes(client)
            # A deadline that no node can hold: a real 504, and no node is blamed for it.
            broken = [client.post("/api/v1/chat", json={**CHAT, "deadline_s": 0.01}) for _ in range(BROKEN)]
            assert {answer.status_code for answer in broken} == {504}

    def asked(self) -> int:
        """Return the status of a question that may take two seconds."""
        with httpx.Client(base_url=self.url, headers={"authorization": f"Bearer {self.key}"}, timeout=60) as client:
            return client.post("/api/v1/chat", json={**CHAT, "deadline_s": 2}).status_code

    def _mistakes(self, client: httpx.Client) -> None:
        assert client.post("/api/v1/chat", json={}).status_code == 422
        assert client.get("/api/v1/sessions/00000000-0000-0000-0000-000000000000").status_code == 404
        assert httpx.get(f"{self.url}/api/v1/sessions", timeout=10).status_code == 401


@pytest.fixture(scope="module")
def prometheus(stack: LocalStack) -> Iterator[Prometheus]:
    """The stack's Prometheus, after traffic of every kind in rounds, with a scrape of every process between."""
    parts = stack.status().parts
    address = next((part.address for part in parts if part.name == "prometheus"), None)
    if address is None:
        missing("prometheus", "run ops/prometheus.sh programs")
    processes = sum(part.name.startswith(("replica-", "worker-")) for part in parts)
    caller = Caller(stack.url, stack.new_tenant(f"dashboards-{os.getpid()}"))
    with httpx.Client(base_url=f"http://{address}", timeout=10, trust_env=False) as http:
        prometheus = Prometheus(http, processes)
        for number, document in enumerate(sorted(HANDBOOK.glob("*.md"))[:ROUNDS]):
            upload(stack.url, caller.key, [document])
            caller.traffic()
            if number == 0:
                outage(stack, caller)
            assert poll_until(seen(prometheus), SEEN_LIMIT_S, 0.5), "Prometheus did not see the traffic"
            if number >= 1 and poll_until(lambda: not empty(prometheus), RULES_LIMIT_S, 1.0):
                break
        yield prometheus


def outage(stack: LocalStack, caller: Caller) -> None:
    """Freeze both nodes until questions were refused several times, and let the nodes go on.

    Between refusals a breaker lets one question try its node again: that one meets its deadline, a 504.
    """
    nodes = [part.process for part in stack.status().parts if part.name in {"node-a", "node-b"} and part.process]
    assert len(nodes) == 2
    try:
        for node in nodes:
            node.send(signal.SIGSTOP)
        statuses: Counter[int] = Counter()

        def refused_often() -> bool:
            statuses[caller.asked()] += 1
            return statuses[503] > BROKEN

        assert poll_until(refused_often, OUTAGE_LIMIT_S, 0.1), f"frozen nodes were not noticed: {statuses}"
        assert set(statuses) <= {503, 504}
    finally:
        for node in nodes:
            node.send(signal.SIGCONT)
    assert poll_until(lambda: caller.asked() == 200, SEEN_LIMIT_S, 0.5), "the nodes were not found again"


def seen(prometheus: Prometheus) -> Callable[[], bool]:
    """Return a look: has every process been scraped since now?"""
    before = max(prometheus.values("vector(time())"))
    return lambda: len(prometheus.values(f"timestamp(up) > {before} and up == 1")) == prometheus.processes


def empty(prometheus: Prometheus) -> list[str]:
    """Return the queries of panels that have no number now."""
    return [str(expression) for expression in expressions() if not prometheus.values(expression.text)]


@pytest.mark.requirement("FIN-68.panels", "FIN-69.panels")
def test_no_panel_is_empty_after_traffic(prometheus: Prometheus) -> None:
    asked = [*expressions()]
    assert len(asked) >= 40
    assert empty(prometheus) == []


@pytest.mark.requirement("FIN-68.requests", "FIN-68.p95", "FIN-69.tokens", "FIN-69.query")
def test_the_figures_are_plausible(prometheus: Prometheus) -> None:
    shown = {expression.panel: prometheus.values(expression.text) for expression in expressions()}
    bounds = {
        "Request Rate": (0, 100),
        "Success Rate": (0, 1),
        "Error Rate": (0, 1),
        "P95 Latency": (0, 300),
        "Tokens per Minute": (0, 1e6),
        "Cost per Hour": (0, 10),
        "Cost in the Last Hour": (0, 1),
        "Average Tokens per Query": (1, 10_000),
        "Cost per Answer": (0, 1),
        "Tokens per GPU-Second": (0, 10_000),
        "Database Pool": (-0.001, 1.001),
    }
    for panel, (low, high) in bounds.items():
        assert all(low < value < high for value in shown[panel]), (panel, shown[panel])


@pytest.mark.parametrize("panel", ["Services Up", "Node States"])
def test_all_that_runs_is_shown_as_well(prometheus: Prometheus, panel: str) -> None:
    text = next(expression.text for expression in expressions() if expression.panel == panel)
    # A machine under load may miss a look at a node; the next one is seconds later.
    poll_until(lambda: set(prometheus.values(text)) == {1.0}, CALM_LIMIT_S, 0.5)
    assert set(prometheus.values(text)) == {1.0}


@pytest.mark.requirement("FIN-68.success", "FIN-68.errors")
def test_a_real_503_lowers_the_success_rate_and_a_mistake_of_the_caller_does_not(prometheus: Prometheus) -> None:
    shown = {expression.panel: expression.text for expression in expressions()}
    (both,) = prometheus.values(f"({shown['Success Rate']}) + ({shown['Error Rate']})")
    assert both == pytest.approx(1)
    (errors,) = prometheus.values(shown["Error Rate"])
    by_class = {
        digit: sum(prometheus.values(f'sum(increase(http_requests_total{{status=~"{digit}..", {NO_PROBES}}}[5m]))'))
        for digit in "245"
    }
    assert by_class["4"] > 0
    assert errors < (by_class["4"] + by_class["5"]) / sum(by_class.values())


@pytest.mark.requirement("FIN-69.measured")
def test_dollars_are_gpu_seconds_times_the_price_of_the_node(prometheus: Prometheus) -> None:
    cost = prometheus.values("sum(switchyard_cost_usd_total)")
    seconds = prometheus.values("sum(switchyard_gpu_seconds_total)")
    dearest_usd_per_hour = 1.0
    assert 0 < cost[0] <= seconds[0] * dearest_usd_per_hour / 3600, json.dumps([cost, seconds])
