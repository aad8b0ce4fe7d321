"""A call as the domains see it: who calls, by when it must be answered, and whether they still listen."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

import grpc
from django.db import models
from django.utils import timezone

from apps.audit import services as audit
from apps.audit.models import AuditEvent
from apps.audit.services import Subject
from apps.jobs.waiting import Caller
from apps.rpc.errors import DeadlinePassed
from apps.rpc.methods import Method
from apps.tenants.models import ApiClient, Institution

LATE_S = 0.05  # as REST's shortest deadline: less is left to nobody


class Call:
    """One call of a method, of a caller who has proved who they are.

    Attributes:
        scopes: what the caller's key or token allows.
        metadata: what came beside the message, by lower-case name.
        caller: hangs up when the call is cancelled, or is over for whatever reason.
        trailing: metadata that goes out with the end of the call.
    """

    def __init__(
        self,
        *,
        method: Method,
        client: ApiClient,
        scopes: frozenset[str],
        metadata: Mapping[str, str],
        context: grpc.ServicerContext,
    ) -> None:
        self.method = method
        self.client = client
        self.scopes = scopes
        self.metadata = metadata
        self.caller = Caller()
        self.trailing: list[tuple[str, str]] = []
        self._context = context
        if not context.add_callback(self.caller.hang_up):
            self.caller.hang_up()

    @property
    def institution(self) -> Institution:
        """Whose records the caller may see: nobody else's."""
        return self.client.institution

    @property
    def actor(self) -> str:
        """The caller, as the trail names it."""
        return f"client:{self.client.pk}"

    @property
    def endpoint(self) -> Subject:
        """The method, as the trail names it."""
        return endpoint_of(self.method)

    def deadline_s(self, *, default: float, longest: float) -> float:
        """Seconds until the call's deadline, at most ``longest``; ``default`` where it has none.

        Raises:
            DeadlinePassed: it has come, or leaves no time to do anything.
        """
        left_s = self._left_s
        if left_s is None:
            return default
        if left_s < LATE_S:
            raise DeadlinePassed
        return min(left_s, longest)

    @property
    def is_late(self) -> bool:
        """Whether the call has a deadline, and it has come."""
        left_s = self._left_s
        return left_s is not None and left_s < LATE_S

    @property
    def _left_s(self) -> float | None:
        return self._context.time_remaining()

    def note(self, action: str, subject: models.Model | Subject, **told: Any) -> None:
        """Record what the caller did; ``told`` are further arguments of `apps.audit.services.record`."""
        institution_id, now = self.client.institution_id, timezone.now()
        audit.record(actor=self.actor, action=action, institution=institution_id, subject=subject, now=now, **told)

    def note_read(self, action: str, subject: models.Model | Subject, document: Any) -> None:
        """Record that one record was read, with a digest of what was shown of it."""
        self.note(action, subject, content_sha256=audit.content_digest(self.client.institution_id, document))

    def note_refusal(self, *, code: str, status: int) -> None:
        """Record that the caller was refused access; ``status`` is REST's for the same."""
        details = {"code": code, "status": status, "method": "POST"}
        self.note("access.refused", self.endpoint, outcome=AuditEvent.Outcome.REFUSED, details=details)


def endpoint_of(method: Method) -> Subject:
    """A method, as the trail names it."""
    return Subject(label="endpoint", id=method.path.removeprefix("/")[:64])


def metadata_of(context: grpc.ServicerContext) -> Mapping[str, str]:
    """What the caller sent beside the message, by lower-case name; of a name sent twice the last."""
    return {name: value for name, value in context.invocation_metadata() or () if isinstance(value, str)}


def address_of(peer: str) -> str:
    """The network address in gRPC's name of a peer; "" for a unix socket.

    >>> address_of("ipv4:192.0.2.7:53412"), address_of("ipv6:%5B2001:db8::7%5D:53412"), address_of("unix:")
    ('192.0.2.7', '2001:db8::7', '')
    """
    family, _, rest = unquote(peer).partition(":")
    if family not in {"ipv4", "ipv6"}:
        return ""
    return rest.rpartition(":")[0].strip("[]")
