"""Setting what one client or one institution may send."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from apps.api.limits.policies import Kind
from apps.audit import services as audit
from apps.common.errors import InvalidInput
from apps.tenants.models import ApiClient, Institution


@transaction.atomic
def set_limit(*, of: Institution | ApiClient, kind: Kind, quota: int | None, actor: str, now: datetime) -> None:
    """Let a client, or all clients of an institution together, send so much in a minute, from the next request on.

    Args:
        quota: None brings the default back.

    Raises:
        InvalidInput: the quota is not positive, or the kind is counted by address.
    """
    if kind is Kind.SIGN_IN:
        raise InvalidInput(_("Attempts to sign in are counted by address, for everybody alike."), pointer="/kind")
    if quota is not None and quota < 1:
        raise InvalidInput(_("A quota is a positive number."), pointer="/quota")
    locked = type(of)._default_manager.select_for_update().get(pk=of.pk)  # noqa: SLF001 - Django's public name for it
    limits = {name: value for name, value in locked.limits.items() if name != kind}
    of.limits = locked.limits = limits if quota is None else {**limits, str(kind): quota}
    locked.save(update_fields=["limits"])
    institution = of if isinstance(of, Institution) else of.institution
    details = {"kind": str(kind), "quota": quota}
    audit.record(actor=actor, action="limit.changed", institution=institution, subject=of, now=now, details=details)
