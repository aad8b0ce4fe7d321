"""Pieces of a text on their way from the worker to whoever reads along: sealed, through Redis, never kept in it.

A piece says at which character it begins. So a reader needs no order beyond that: what it has it skips, and where
something is missing it waits for the row, which has the whole text.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from uuid import UUID

import redis
import structlog
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

from apps.common.breaker import Breaker
from apps.common.encryption import Place, SealBroken, place, seal, unseal

TIMEOUT_S = 0.3
OPEN_S = 2.0  # how long a failure silences publishing: a text is not held up by a Redis that is away
OFFSET_BYTES = 4
END = b""

log = structlog.get_logger(__name__)
breaker = Breaker(open_s=OPEN_S)


class Told:
    """Where the pieces of one generation are told."""

    def __init__(self, *, institution_id: UUID, generation_id: UUID) -> None:
        self.channel = f"generation:{generation_id}"
        self._institution_id = institution_id
        self._generation_id = generation_id

    def tell(self, text: str, *, offset: int) -> None:
        """Tell readers a piece that begins at a character. Never raises and never takes long."""
        where = offset.to_bytes(OFFSET_BYTES)
        self._publish(where + seal(text.encode(), self._place(offset)))

    def tell_end(self) -> None:
        """Tell readers that the row has the whole."""
        self._publish(END)

    def read(self, message: bytes) -> tuple[int, str] | None:
        """Offset and text of a piece; None for the end, and for what nobody of ours sealed."""
        if len(message) <= OFFSET_BYTES:
            return None
        offset = int.from_bytes(message[:OFFSET_BYTES])
        try:
            return offset, unseal(message[OFFSET_BYTES:], self._place(offset)).decode()
        except SealBroken:
            log.warning("piece_not_ours")
            return None

    def _place(self, offset: int) -> Place:
        row = f"{self._generation_id}:{offset}"
        return place(model="generation.generation", field="text", institution_id=self._institution_id, row=row)

    def _publish(self, message: bytes) -> None:
        if not breaker.allows():
            return
        try:
            _publisher(settings.REDIS_URL).publish(self.channel, message)
        except (redis.RedisError, OSError) as error:
            breaker.failed()
            log.warning("piece_not_told", error=type(error).__name__)
        else:
            breaker.succeeded()


class Ear:
    """One reader's subscription. Deaf where Redis is away: then nothing is heard, and the row has it all."""

    def __init__(self, told: Told) -> None:
        self._told = told
        self._subscription: redis.client.PubSub | None = None

    @contextmanager
    def open(self) -> Iterator["Ear"]:
        """Hear everything that is told from now until the block is left."""
        client = _client(settings.REDIS_URL)
        try:
            self._subscribe(client)
            yield self
        finally:
            with suppress(redis.RedisError, OSError):
                if self._subscription is not None:
                    self._subscription.close()
                client.close()

    @property
    def hears(self) -> bool:
        """Whether there is anything to wait for."""
        return self._subscription is not None

    def next(self, *, timeout_s: float) -> bytes | None:
        """The next message, or None if none came in time; b"" is the end."""
        assert self._subscription is not None
        try:
            message = self._subscription.get_message(ignore_subscribe_messages=True, timeout=timeout_s)
        except (redis.RedisError, OSError) as error:
            log.warning("pieces_not_heard", error=type(error).__name__)
            self._subscription = None
            return None
        return message["data"] if message is not None else None

    def _subscribe(self, client: "redis.Redis") -> None:
        subscription = client.pubsub()  # type: ignore[no-untyped-call]
        try:
            subscription.subscribe(self._told.channel)
            subscription.get_message(timeout=TIMEOUT_S)  # that it stands
        except (redis.RedisError, OSError) as error:
            log.warning("pieces_not_heard", error=type(error).__name__)
            return
        self._subscription = subscription


def _client(url: str) -> "redis.Redis":
    retry = Retry(NoBackoff(), 0)
    return redis.Redis.from_url(url, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S, retry=retry)


@cache
def _publisher(url: str) -> "redis.Redis":
    return _client(url)
