"""Taking on institutions and their systems, and parting from a system at once."""

from collections.abc import Iterable
from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from apps.audit import services as audit
from apps.common.errors import Conflict, InvalidInput
from apps.tenants.keys import issue_key
from apps.tenants.models import ApiClient, Institution
from apps.tenants.scopes import all_scopes, checked


class NameTaken(Conflict):
    """Another institution carries this name."""

    code = "name_taken"


class AlreadyRevoked(Conflict):
    """The client was revoked before."""

    code = "already_revoked"


@transaction.atomic
def create_institution(*, name: str, kind: str, actor: str, now: datetime) -> Institution:
    """Take on a bank or a hospital.

    Raises:
        InvalidInput: the name is empty or too long, or the kind is unknown.
        NameTaken: another institution carries this name.
    """
    name = name.strip()
    if not 1 <= len(name) <= 200:
        raise InvalidInput(_("A name has 1 to 200 characters."), pointer="/name")
    if kind not in Institution.Kind.values:
        raise InvalidInput(_("An institution is a bank or a hospital."), pointer="/kind")
    try:
        with transaction.atomic():
            institution = Institution.objects.create(name=name, kind=kind)
    except IntegrityError as taken:
        raise NameTaken(_("Another institution carries this name."), pointer="/name") from taken
    audit.record(actor=actor, action="institution.created", institution=institution, subject=institution, now=now)
    return institution


@transaction.atomic
def register_client(
    *,
    institution: Institution,
    name: str,
    mode: str,
    now: datetime,
    actor: str = "system",
    scopes: Iterable[str] | None = None,
    expires_at: datetime | None = None,
) -> ApiClient:
    """Take on a system of an institution, without anything to prove itself by yet.

    Args:
        scopes: what it may do; None for everything.

    Raises:
        InvalidInput: the name is empty or too long, the mode or a scope is unknown, or the end has passed.
    """
    name = name.strip()
    if not 1 <= len(name) <= 200:
        raise InvalidInput(_("A name has 1 to 200 characters."), pointer="/name")
    if mode not in ApiClient.Mode.values:
        raise InvalidInput(_("A client is for test or live use."), pointer="/mode")
    if expires_at is not None and expires_at <= now:
        raise InvalidInput(_("A client ends in the future."), pointer="/expires_at")
    granted = all_scopes() if scopes is None else checked(scopes)
    client = ApiClient.objects.create(
        institution=institution, name=name, mode=mode, scopes=granted, expires_at=expires_at
    )
    audit.record(
        actor=actor,
        action="api_client.created",
        institution=institution,
        subject=client,
        now=now,
        details={"mode": client.mode, "scopes": granted},
    )
    return client


@transaction.atomic
def create_client(
    *,
    institution: Institution,
    name: str,
    mode: str,
    now: datetime,
    actor: str = "system",
    scopes: Iterable[str] | None = None,
    expires_at: datetime | None = None,
) -> tuple[ApiClient, str]:
    """Take on a system of an institution and give it a key.

    Returns:
        The client and its key. The key exists nowhere else: only its digest is stored.

    Raises:
        InvalidInput: as `register_client`.
    """
    client = register_client(
        institution=institution, name=name, mode=mode, now=now, actor=actor, scopes=scopes, expires_at=expires_at
    )
    _row, key = issue_key(client=client, now=now, actor=actor)
    return client, key


@transaction.atomic
def revoke_client(*, client: ApiClient, now: datetime, actor: str = "system") -> ApiClient:
    """Make every key and token of a client useless from the next request on.

    Raises:
        AlreadyRevoked: somebody did so before; the first moment stays on record.
    """
    revoked = ApiClient.objects.active().filter(pk=client.pk).update(revoked_at=now)
    if not revoked:
        raise AlreadyRevoked(_("This API client was revoked before."))
    client.refresh_from_db()
    audit.record(actor=actor, action="api_client.revoked", institution=client.institution, subject=client, now=now)
    return client
