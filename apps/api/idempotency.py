"""POST that is safe to repeat (draft-ietf-httpapi-idempotency-key-header); see `apps.api.once`.

`IdempotentMixin.idempotency_id` stays the same for every attempt of one key: a handler gives it to its service as
the id of what it creates.
"""

import functools
from collections.abc import Callable
from hashlib import sha256
from typing import Any
from uuid import UUID

from django.http import HttpResponse, HttpResponseBase
from rest_framework.request import Request
from rest_framework.response import Response

from apps.api.models import IdempotencyRecord
from apps.api.once import Turn, Use, read_key
from apps.api.parsers import raw_body
from apps.api.views import ApiView

KEPT_HEADERS = ("Content-Type", "Content-Language", "Location", "Preference-Applied")


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


def _once(handler: Callable[..., Response]) -> Callable[..., HttpResponseBase]:
    @functools.wraps(handler)
    def post(view: IdempotentMixin, request: Request, *args: Any, **kwargs: Any) -> HttpResponseBase:
        key = read_key(request.META.get("HTTP_IDEMPOTENCY_KEY", ""))
        operation, body_sha256 = f"{request.method} {request.path}", view.body_sha256(request)
        with Use(client=view.client, operation=operation, key=key, body_sha256=body_sha256).turn() as turn:
            if turn.is_answered:
                return _replay(view, turn.record)
            view.idempotency_id = turn.record.pk
            response = handler(view, request, *args, **kwargs)
            if response.status_code < 400:
                _keep(view, request, turn, response)
            elif response.status_code < 500:
                turn.forget()
            return response

    return post


def _keep(view: IdempotentMixin, request: Request, turn: Turn, response: Response) -> None:
    response.accepted_renderer = request.accepted_renderer
    response.accepted_media_type = request.accepted_media_type
    response.renderer_context = view.get_renderer_context()  # type: ignore[attr-defined]
    response.render()
    headers = {name: response[name] for name in KEPT_HEADERS if name in response}
    turn.keep(status=response.status_code, headers=headers, body=response.content, location=headers.get("Location", ""))


def _replay(view: IdempotentMixin, record: IdempotencyRecord) -> HttpResponse:
    assert record.status is not None
    view.note_replay(record, bytes(record.body))
    headers = {**record.headers, "Idempotent-Replayed": "true"}
    return HttpResponse(record.body, status=record.status, headers=headers)
