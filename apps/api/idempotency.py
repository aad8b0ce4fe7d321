"""POST that is safe to repeat (draft-ietf-httpapi-idempotency-key-header).

The first request with a key runs while its process holds a PostgreSQL advisory lock: when the
process dies, the lock is gone and the retry may run. What the first attempt
had committed by then is found again by `IdempotentMixin.idempotency_id`, which stays the same for
every attempt of one key: a handler gives it to its service as the id of what it creates.
"""

import functools
import re
from collections.abc import Callable
from hashlib import sha256
from typing import Any
from uuid import UUID

from django.db import IntegrityError
from django.http import HttpResponse, HttpResponseBase
from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework.request import Request
from rest_framework.response import Response

from apps.api.locks import locks
from apps.api.models import IdempotencyRecord
from apps.api.parsers import raw_body
from apps.api.problems import RequestRefused, problem_of
from apps.api.views import ApiView
from apps.common.encryption import keyed_digest

KEY = re.compile(r'"([\x20-\x7e]{1,255})"|((?!")[\x20-\x7e]{1,255})')  # the draft's quoted form, or bare
KEPT_HEADERS = ("Content-Type", "Content-Language", "Location", "Preference-Applied")


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


class IdempotentMixin(ApiView):
    """Makes ``post`` run once per client, address and ``Idempotency-Key``.

    Without a key 400; while the first request runs 409; with another body 422; afterwards the
    first answer again, byte for byte, with ``Idempotent-Replayed: true``. Refusals (4xx) are not
    kept, so that the key may be used for a corrected body; nor are failures (5xx), which the
    retry enters again under the same `idempotency_id`.

        class AssessmentsView(IdempotentMixin):
            def post(self, request: Request) -> Response:
                assessment = request_assessment(id=self.idempotency_id, ...)
    """

    idempotency_id: UUID

    def body_sha256(self, request: Request) -> str:
        """What tells one body from another; a view that reads a long body as it comes has its own way."""
        return sha256(raw_body(request, max_bytes=self.max_body_bytes)).hexdigest()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "post" in cls.__dict__:
            cls.post = _once(cls.__dict__["post"])  # type: ignore[attr-defined]


def idempotency_key(request: Request) -> str:
    """The caller's key, quoted or bare. Raises KeyMissing if there is none of 1 to 255 printable characters."""
    match = KEY.fullmatch(request.META.get("HTTP_IDEMPOTENCY_KEY", "").strip())
    if match is None:
        raise KeyMissing(_("Send an Idempotency-Key of 1 to 255 printable ASCII characters."))
    return match.group(1) or match.group(2)


def key_digest(institution_id: UUID, key: str) -> bytes:
    """What a record knows of its key."""
    return keyed_digest(institution_id, "idempotency.key", key)


def body_digest(institution_id: UUID, body_sha256: str) -> bytes:
    """What a record knows of its request's body: keyed, because bodies can be guessed."""
    return keyed_digest(institution_id, "idempotency.body", body_sha256)


def _once(handler: Callable[..., Response]) -> Callable[..., HttpResponseBase]:
    @functools.wraps(handler)
    def post(view: IdempotentMixin, request: Request, *args: Any, **kwargs: Any) -> HttpResponseBase:
        use = _Use(view, request)
        with locks().held(use.lock_id) as held:
            record = use.record()  # looked at after the lock was tried: what ended in between is seen
            if record is not None and record.status is not None:
                return _replay(view, record)
            if not held:
                raise _in_use()
            return use.run(record, functools.partial(handler, view, request, *args, **kwargs))

    return post


class _Use:
    """One request's use of its key."""

    def __init__(self, view: IdempotentMixin, request: Request) -> None:
        self.view = view
        self.request = request
        self.key = idempotency_key(request)
        self.place: dict[str, Any] = {
            "institution": view.institution,
            "client": view.client,
            "operation": f"{request.method} {request.path}"[:300],
            "key_digest": key_digest(view.institution.pk, self.key),
        }
        self.body_digest = body_digest(view.institution.pk, view.body_sha256(request))

    @property
    def lock_id(self) -> int:
        """64 bits that stand for the key's place; PostgreSQL locks are numbers."""
        name = "\n".join(["idempotency", str(self.view.client.pk), self.place["operation"], self.key])
        return int.from_bytes(sha256(name.encode()).digest()[:8], "big", signed=True)

    def record(self) -> IdempotencyRecord | None:
        """What is known of the key, if anything. Raises KeyReused if it came with another body."""
        record = IdempotencyRecord.objects.filter(**self.place).first()
        if record is not None and bytes(record.body_digest) != self.body_digest:
            raise KeyReused(_("This Idempotency-Key was used before, for a different body."))
        return record

    def run(self, earlier: IdempotencyRecord | None, handler: Callable[[], Response]) -> Response:
        """Answer for the first time, or again after an attempt that left no answer."""
        record = earlier or self._begin()
        self.view.idempotency_id = record.pk
        try:
            response = handler()
        except Exception as raised:
            if earlier is None and _refused(raised):
                record.delete()
            raise
        if response.status_code < 400:
            self._keep(record, response)
        elif earlier is None and response.status_code < 500:
            record.delete()
        return response

    def _begin(self) -> IdempotencyRecord:
        try:
            return IdempotencyRecord.objects.create(
                **self.place, body_digest=self.body_digest, created_at=timezone.now()
            )
        except IntegrityError:  # the lock's session was lost, and another process came in
            raise _in_use() from None

    def _keep(self, record: IdempotencyRecord, response: Response) -> None:
        response.accepted_renderer = self.request.accepted_renderer
        response.accepted_media_type = self.request.accepted_media_type
        response.renderer_context = self.view.get_renderer_context()  # type: ignore[attr-defined]
        response.render()
        record.status = response.status_code
        record.headers = {name: response[name] for name in KEPT_HEADERS if name in response}
        record.body = response.content
        record.location = record.headers.get("Location", "")[:300]
        record.save(update_fields=["status", "headers", "body", "location"])


def _replay(view: IdempotentMixin, record: IdempotencyRecord) -> HttpResponse:
    view.note_replay(record, bytes(record.body))
    headers = {**record.headers, "Idempotent-Replayed": "true"}
    return HttpResponse(record.body, status=record.status, headers=headers)


def _in_use() -> KeyInUse:
    return KeyInUse(_("The first request with this Idempotency-Key still runs."))


def _refused(raised: Exception) -> bool:
    problem = problem_of(raised)
    return problem is not None and problem.status < 500
