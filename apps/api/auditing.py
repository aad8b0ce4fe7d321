"""What the audit trail hears of a request: what was read, and what was refused."""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

import structlog
from django.db import InterfaceError, OperationalError, models
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.audit import refusals
from apps.audit import services as audit
from apps.audit.models import AuditEvent
from apps.audit.services import Subject
from apps.common.middleware import METHODS
from apps.tenants.models import ApiClient

REFUSED = frozenset({401, 403, 404})  # access: who nobody knows, who may not, and what is not theirs

log = structlog.get_logger(__name__)


class Audited(APIView):
    """Records refused accesses by itself, and every read: in the view's words, or as one of its address.

    A read is recorded before it is answered: where that fails, the answer is 503 and nothing was shown.
    """

    _noted = False

    @property
    def actor(self) -> str:
        """The caller, as the trail names it."""
        return f"client:{self._caller.pk}"

    @property
    def _caller(self) -> ApiClient:
        client = self.request.auth
        assert isinstance(client, ApiClient)
        return client

    def note(self, action: str, subject: models.Model | Subject, **told: Any) -> None:
        """Record what the caller did; ``told`` are further arguments of `apps.audit.services.record`."""
        self._noted = True
        institution_id = self._caller.institution_id
        now = timezone.now()
        audit.record(actor=self.actor, action=action, institution=institution_id, subject=subject, now=now, **told)

    def note_read(self, action: str, subject: models.Model | Subject, document: Any) -> None:
        """Record that one record was read, with a digest of what was shown of it."""
        digest = audit.content_digest(self._caller.institution_id, document)
        self.note(action, subject, content_sha256=digest)

    def note_list(self, action: str, model: type[models.Model], ids: Iterable[object]) -> None:
        """Record that a list was read: how many rows, which, and by which filters, but not by what values."""
        shown = list(ids)
        details = {
            "count": len(shown),
            "ids_sha256": audit.ids_digest(shown),
            "filters": sorted(name for name in self.request.query_params if name.isidentifier())[:20],
        }
        self.note(action, Subject.rows(model), details=details)

    def note_replay(self, record: models.Model, body: bytes) -> None:
        """Record that an answer was given once more."""
        self.note_read("answer.replayed", record, body.decode(errors="replace"))

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        """Record a read that the view itself did not."""
        unnoted = request.method in {"GET", "HEAD"} and response.status_code < 300 and not self._noted
        if unnoted and isinstance(request.auth, ApiClient):
            try:
                self.note("endpoint.read", self._endpoint(), details={"asked": self._asked()})
            except (OperationalError, InterfaceError) as error:
                response = self.handle_exception(error)
        return super().finalize_response(request, response, *args, **kwargs)

    def handle_exception(self, exc: Exception) -> Response:
        """Answer the refusal; if it is one of access, record who was refused what, and why."""
        response = super().handle_exception(exc)
        if response.status_code in REFUSED:
            self._note_refusal(response)
        return response

    def _note_refusal(self, response: Response) -> None:
        """Nothing was shown, so a trail that cannot be written does not change the answer."""
        try:
            if isinstance(self.request.auth, ApiClient):
                details = self._refusal(response)
                self.note("access.refused", self._endpoint(), outcome=AuditEvent.Outcome.REFUSED, details=details)
            else:
                refusals.note(code=self._refusal(response)["code"], subject=self._endpoint(), now=timezone.now())
        except (OperationalError, InterfaceError) as error:
            log.error("audit.refusal_not_recorded", error=type(error).__name__)  # noqa: TRY400 - no traceback needed

    def _endpoint(self) -> Subject:
        match = self.request.resolver_match
        return Subject(label="endpoint", id=(match.url_name or match.route)[:64] if match else "")

    def _refusal(self, response: Response) -> dict[str, Any]:
        body: Mapping[str, Any] = response.data if isinstance(response.data, Mapping) else {}
        told: Mapping[str, Any] = body.get("error", body)  # as OpenAI's clients read it, or as everybody else's
        return {
            "code": str(told.get("code", "")),
            "status": response.status_code,
            "method": self.request.method if self.request.method in METHODS else "OTHER",
            "asked": self._asked(),
        }

    def _asked(self) -> dict[str, str]:
        """Identifiers in the address."""
        return {name: str(value) for name, value in self.kwargs.items() if isinstance(value, UUID)}
