"""Telling workers of a job: best effort, bounded, and free while Redis is known to be dead.

A message is the job's id and nothing else. Losing one costs time, never work.
"""

from functools import cache
from typing import Any
from uuid import UUID

import structlog
from celery import Celery, current_app
from kombu.exceptions import LimitExceeded, OperationalError
from kombu.pools import ProducerPool
from redis.exceptions import RedisError

from apps.common.breaker import Breaker
from apps.jobs.kinds import JobKind

logger = structlog.get_logger(__name__)

SOCKET_TIMEOUT_S = 0.3
OPEN_S = 2.0  # how long a failure silences publishing; one request in two seconds pays 0.3 s; 2026-11-23
PRODUCERS = 16

FAILURES = (
    OperationalError,
    LimitExceeded,
    RedisError,
    OSError,
)  # what a dead, full or slow Redis raises through kombu


breaker = Breaker(open_s=OPEN_S)


def publish(kind: JobKind, job_id: UUID) -> bool:
    """Tell the workers of a kind that a job waits. Never raises and never takes long.

    Returns:
        Whether Redis has the message. False leaves the job to the reconciler.
    """
    if not breaker.allows():
        return False
    try:
        with _producers(current_app).acquire(block=True, timeout=SOCKET_TIMEOUT_S) as producer:
            current_app.send_task(
                kind.task_name,
                kwargs={"job_id": str(job_id)},
                queue=kind.queue,
                producer=producer,
                declare=[],  # a direct queue needs no binding, so an emptied Redis stays usable
                retry=False,
                ignore_result=True,
            )
    except FAILURES as error:
        breaker.failed()
        logger.warning("job_not_published", job_id=str(job_id), error=type(error).__name__)
        return False
    breaker.succeeded()
    return True


def length(queue: str) -> int | None:
    """How many messages Redis holds for a queue; None when it cannot be asked."""
    if not breaker.allows():
        return None
    try:
        with _producers(current_app).acquire(block=True, timeout=SOCKET_TIMEOUT_S) as producer:
            channel: Any = producer.channel
            messages = int(channel.client.llen(queue))
    except FAILURES as error:
        breaker.failed()
        logger.warning("queue_not_seen", queue=queue, error=type(error).__name__)
        return None
    breaker.succeeded()  # the one try of an open breaker was this one; publishing may go on
    return messages


def reset() -> None:
    """Forget connections and failures, for a broker that has another address now."""
    _producers.cache_clear()
    breaker.succeeded()


@cache
def _producers(app: Celery) -> ProducerPool:
    """Producers of this process, on connections that give up early; a worker's own may block for long."""
    connection = app.connection_for_write(
        transport_options={
            "socket_timeout": SOCKET_TIMEOUT_S,
            "socket_connect_timeout": SOCKET_TIMEOUT_S,
            "max_retries": 0,
        }
    )
    return ProducerPool(connection.Pool(limit=PRODUCERS), limit=PRODUCERS)
