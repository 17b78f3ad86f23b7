"""The metrics of tasks and webhooks: what waits for workers, and what was told."""

from prometheus_client import CollectorRegistry

from app.telemetry.metric import Counter, Gauge


class TaskMetrics:
    """A part of `Metrics`."""

    def _declare_tasks(self, r: CollectorRegistry) -> None:
        self.tasks_waiting = Gauge(
            "switchyard_tasks_waiting", "Tasks that nobody has begun, of all tenants.", ("team",), registry=r
        )
        self.tasks_running = Gauge(
            "switchyard_tasks_running", "Tasks that a worker is at, of all tenants.", ("team",), registry=r
        )
        self.task_oldest = Gauge(
            "switchyard_task_oldest_seconds", "How long the oldest of those that nobody has begun waits.", registry=r
        )
        self.workers_alive = Gauge(
            "switchyard_workers_alive", "Workers that take tasks and gave a sign of life lately.", registry=r
        )
        self.workers_wanted = Gauge(
            "switchyard_workers_wanted", "Workers that the tasks of now ask for, 1 to 10.", registry=r
        )
        self.webhooks = Counter(
            "switchyard_webhooks_total", "Attempts to deliver a webhook, by what came of it.", ("outcome",), registry=r
        )
        self.webhooks_dead = Counter(
            "switchyard_webhooks_dead_total", "Deliveries that were given up: dead letters.", registry=r
        )
