"""The Celery application. Messages are wake-ups; see `apps.jobs.services` for what a job is.

Worker: ``celery -A settings.celery worker -Q inference --pool threads --concurrency 32
--disable-prefetch --without-gossip --without-mingle``
"""

import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import kombu
from celery import Celery, signals
from celery.app.amqp import AMQP
from kombu.transport import redis

if TYPE_CHECKING:  # the stubs leave out what is overridden here
    RedisChannel: Any = object
else:
    RedisChannel = redis.Channel

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "settings.local")

VISIBILITY_TIMEOUT_S = 120  # twice the longest deadline, 60 s; a copy delivered later only meets a held or ended job


def broker_url(redis_url: str) -> str:
    """The Redis address in kombu's spelling.

    >>> broker_url("unix:///run/redis.sock?db=1")
    'redis+socket:///run/redis.sock?virtual_host=1'
    >>> broker_url("redis://cache:6379/0")
    'redis://cache:6379/0'
    """
    if not redis_url.startswith("unix://"):
        return redis_url
    return redis_url.replace("unix://", "redis+socket://", 1).replace("?db=", "?virtual_host=")


TRANSPORT_OPTIONS: dict[str, Any] = {
    "visibility_timeout": VISIBILITY_TIMEOUT_S,
    # A killed worker's messages come back within seconds, not the default 100 s; the knobs exist since kombu 5.7.
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
    "unacked_mutex_expire": 15,
    "socket_connect_timeout": 2.0,
    "socket_keepalive": True,
}


class Configuration:
    """Celery's settings in its own lower-case names; the broker comes from Django's settings when first used."""

    task_default_queue = "default"
    task_create_missing_queues = True
    task_serializer = "json"
    accept_content = ("json",)
    result_backend = None
    result_accept_content = ("json",)
    task_ignore_result = True
    task_store_errors_even_if_ignored = False
    task_acks_late = True
    task_publish_retry = False
    task_publish_retry_policy = {"max_retries": 1, "interval_start": 0.0, "interval_step": 0.1, "interval_max": 0.1}
    broker_transport_options = TRANSPORT_OPTIONS
    result_backend_transport_options = {"visibility_timeout": VISIBILITY_TIMEOUT_S}
    visibility_timeout = VISIBILITY_TIMEOUT_S
    broker_connection_retry_on_startup = True
    broker_connection_max_retries = None
    worker_prefetch_multiplier = 1
    worker_disable_prefetch = True
    worker_cancel_long_running_tasks_on_connection_loss = False
    worker_soft_shutdown_timeout = 15.0
    worker_enable_soft_shutdown_on_idle = False
    worker_enable_remote_control = False
    worker_send_task_events = False
    worker_hijack_root_logger = False
    worker_detect_quorum_queues = False
    enable_utc = True
    timezone = "UTC"

    @property
    def broker_url(self) -> str:
        """Where messages go: Django's ``REDIS_URL``."""
        from django.conf import settings

        return broker_url(settings.REDIS_URL)


class Channel(RedisChannel):  # type: ignore[misc]
    """Keeps its client: kombu makes one for every message put, noted and acknowledged, 0.3 ms each (2026-11-25)."""

    _kept: Any = None

    def _create_client(self, asynchronous: bool = False) -> Any:  # noqa: FBT001, FBT002 - kombu's own signature
        if asynchronous:  # such a one keeps its connection, and is asked for once
            return super()._create_client(asynchronous=True)
        if self._kept is None or self._kept.connection_pool is not self.pool:
            self._kept = super()._create_client()
        return self._kept


class Transport(redis.Transport):
    """Redis through channels that keep their client."""

    Channel = Channel


class Connection(kombu.Connection):
    """Tries an absent Redis again every second; kombu's pauses grow to 30 s."""

    def get_transport_cls(self) -> Any:
        """Ours for Redis; what else may be named, as it is."""
        found = super().get_transport_cls()
        return Transport if found is redis.Transport else found

    def ensure_connection(self, *args: Any, **kwargs: Any) -> Any:
        """Connect, however long it takes."""
        pauses = {"interval_start": 1, "interval_step": 0, "interval_max": 1}
        return super().ensure_connection(*args, **(pauses | kwargs))


class Broker(AMQP):
    """Celery's broker layer, on connections that come back soon."""

    Connection = Connection


app = Celery("assay", amqp=Broker)
app.config_from_object(Configuration())
app.autodiscover_tasks()


@signals.setup_logging.connect(weak=False)
def _keep_our_logging(**_kwargs: Any) -> None:
    """Being connected is enough for Celery to leave the logging that Django's settings set up."""


@signals.celeryd_after_setup.connect(weak=False)
def _start(instance: Any, **_kwargs: Any) -> None:
    from apps.common.postgresql import guard
    from apps.jobs import worker

    guard.require()
    if worker.serves_inference(instance):
        worker.start(instance)


@signals.worker_shutting_down.connect(weak=False)
def _stop(**_kwargs: Any) -> None:
    from apps.jobs import runtime, worker

    with suppress(runtime.NotAWorkerError):
        worker.stop()


@signals.worker_ready.connect(weak=False)
def _bound_cold_shutdown(**_kwargs: Any) -> None:
    from apps.jobs import worker

    worker.bound_quitting()
