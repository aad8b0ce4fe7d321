"""One use of an idempotency key, whichever door it came through.

The first request with a key runs while its process holds a PostgreSQL advisory lock: when the process dies, the
lock is gone and the retry may run. What the first attempt had committed by then is found again by the record's
id, which stays the same for every attempt of one key.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.api.locks import locks
from apps.api.models import IdempotencyRecord
from apps.api.problems import RequestRefused, problem_of
from apps.common.encryption import keyed_digest
from apps.common.postgresql.durability import commit_without_waiting
from apps.tenants.models import ApiClient

KEY = re.compile(r'"([\x20-\x7e]{1,255})"|((?!")[\x20-\x7e]{1,255})')  # the draft's quoted form, or bare


class KeyMissing(RequestRefused):
    """The request needs an ``Idempotency-Key``, or has one that cannot be read."""

    default_code = "idempotency_key_missing"


class KeyInUse(RequestRefused):
    """The first request with this key has not ended yet."""

    status_code = 409
    default_code = "idempotency_key_in_use"
    wait = 1.0


class KeyReused(RequestRefused):
    """The key was used before, for a different body."""

    status_code = 422
    default_code = "idempotency_key_reused"


def read_key(sent: str) -> str:
    """The caller's key, quoted or bare. Raises KeyMissing if there is none of 1 to 255 printable characters."""
    match = KEY.fullmatch(sent.strip())
    if match is None:
        raise KeyMissing(_("Send an Idempotency-Key of 1 to 255 printable ASCII characters."))
    return match.group(1) or match.group(2)


def key_digest(institution_id: UUID, key: str) -> bytes:
    """What a record knows of its key."""
    return keyed_digest(institution_id, "idempotency.key", key)


def body_digest(institution_id: UUID, body_sha256: str) -> bytes:
    """What a record knows of its request's body: keyed, because bodies can be guessed."""
    return keyed_digest(institution_id, "idempotency.body", body_sha256)


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What one who uses a key is to do: give the record's answer again, or find one and keep it.

    Attributes:
        is_first: whether no attempt with this key began before.
    """

    record: IdempotencyRecord
    is_first: bool

    @property
    def is_answered(self) -> bool:
        """Whether an earlier attempt's answer is to be given again."""
        return self.record.status is not None

    def keep(self, *, status: int, headers: Mapping[str, str], body: bytes, location: str) -> None:
        """Keep an answer, sealed, for those who repeat the request."""
        self.record.status = status
        self.record.headers = dict(headers)
        self.record.body = body
        self.record.location = location[:300]
        self.record.save(update_fields=["status", "headers", "body", "location"])

    def forget(self) -> None:
        """Let the key be used for a corrected body; an earlier attempt that began is not forgotten."""
        if self.is_first:
            self.record.delete()


class Use:
    """One request's use of its key."""

    def __init__(self, *, client: ApiClient, operation: str, key: str, body_sha256: str) -> None:
        """Name the use.

        Args:
            operation: method and path.
            body_sha256: what tells one body from another.
        """
        self._lock_name = "\n".join(["idempotency", str(client.pk), operation[:300], key])
        self.place: dict[str, Any] = {
            "institution": client.institution,
            "client": client,
            "operation": operation[:300],
            "key_digest": key_digest(client.institution_id, key),
        }
        self.body_digest = body_digest(client.institution_id, body_sha256)

    @property
    def lock_id(self) -> int:
        """64 bits that stand for the key's place; PostgreSQL locks are numbers."""
        return int.from_bytes(sha256(self._lock_name.encode()).digest()[:8], "big", signed=True)

    def record(self) -> IdempotencyRecord | None:
        """What is known of the key, if anything. Raises KeyReused if it came with another body."""
        record = IdempotencyRecord.objects.filter(**self.place).first()
        if record is not None and bytes(record.body_digest) != self.body_digest:
            raise KeyReused(_("This Idempotency-Key was used before, for a different body."))
        return record

    @contextmanager
    def turn(self) -> Iterator[Turn]:
        """Be alone with the key while the block lasts.

        A block that raises a refusal (4xx) leaves the key free for a corrected body; one that fails otherwise
        leaves the record, which the retry enters again.

        Raises:
            KeyInUse: the first request with this key still runs.
            KeyReused: the key came with another body.
        """
        with locks().held(self.lock_id) as held:
            record = self.record()  # looked at after the lock was tried: what ended in between is seen
            if not held and (record is None or record.status is None):
                raise _in_use()
            turn = Turn(record=record or self._begin(), is_first=record is None)
            try:
                yield turn
            except Exception as raised:
                if _refused(raised):
                    turn.forget()
                raise

    def _begin(self) -> IdempotencyRecord:
        try:
            with transaction.atomic():
                commit_without_waiting()  # what the key is used for commits later, and so does the answer
                return IdempotencyRecord.objects.create(
                    **self.place, body_digest=self.body_digest, created_at=timezone.now()
                )
        except IntegrityError:  # the lock's session was lost, and another process came in
            raise _in_use() from None


def _in_use() -> KeyInUse:
    return KeyInUse(_("The first request with this Idempotency-Key still runs."))


def _refused(raised: Exception) -> bool:
    problem = problem_of(raised)
    return problem is not None and problem.status < 500
