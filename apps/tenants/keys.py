"""API keys of machine clients: issued, rotated, revoked, and asked for at every request."""

import secrets
from datetime import datetime, timedelta
from hashlib import sha256
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from apps.audit import services as audit
from apps.common import scope
from apps.common.errors import Conflict, DomainError, InvalidInput
from apps.tenants.models import ApiClient, ClientKey

KEY_BYTES = 32  # 256 random bits: a plain digest of the key needs no slow hash
SHOWN_CHARACTERS = 6  # of the random part, after "ak_test_"; 36 of the 256 bits
OVERLAP = timedelta(days=1)  # how long the older keys of a client stay good beside a new one
NO_INSTITUTION = UUID(int=0)  # whose rows an unknown key is looked for in, so that it costs what a good one does


class KeyRefused(DomainError):
    """The key is unknown, revoked or expired: they look the same."""

    code = "key_refused"


class ClientGone(Conflict):
    """The client was revoked or is past its end; nothing new is given to it."""

    code = "client_gone"


class KeyAlreadyRevoked(Conflict):
    """The key was revoked before."""

    code = "already_revoked"


@transaction.atomic
def issue_key(
    *,
    client: ApiClient,
    now: datetime,
    actor: str = "system",
    overlap: timedelta = OVERLAP,
    expires_at: datetime | None = None,
) -> tuple[ClientKey, str]:
    """Give a client another key. Keys it has end after ``overlap``, or earlier if they were to anyway.

    Returns:
        The row and the key itself, which exists nowhere else: only its digest is stored.

    Raises:
        ClientGone: the client was revoked or is past its end.
        InvalidInput: the new key would be born expired, or the overlap is negative.
    """
    if expires_at is not None and expires_at <= now:
        raise InvalidInput(_("A key ends in the future."), pointer="/expires_at")
    if overlap < timedelta(0):
        raise InvalidInput(_("An overlap cannot be negative."), pointer="/overlap")
    client = locked(client)
    if not client.may_call(now):
        raise ClientGone(_("This API client was revoked, or is past its end."))
    ends_at = now + overlap
    client.keys.filter(Q(expires_at__isnull=True) | Q(expires_at__gt=ends_at)).update(expires_at=ends_at)
    start = f"ak_{client.mode}_"
    key = start + secrets.token_urlsafe(KEY_BYTES)
    row = ClientKey.objects.create(
        institution_id=client.institution_id,
        client=client,
        prefix=key[: len(start) + SHOWN_CHARACTERS],
        sha256=digest(key),
        created_at=now,
        expires_at=expires_at,
    )
    audit.record(
        actor=actor,
        action="api_key.issued",
        institution=client.institution,
        subject=row,
        now=now,
        details={"client": str(client.pk), "prefix": row.prefix},
    )
    return row, key


@transaction.atomic
def revoke_key(*, key: ClientKey, now: datetime, actor: str = "system") -> ClientKey:
    """Make one key useless from the next request on; the client's other keys stay.

    Raises:
        KeyAlreadyRevoked: somebody did so before; the first moment stays on record.
    """
    if not ClientKey.objects.filter(pk=key.pk, revoked_at__isnull=True).update(revoked_at=now):
        raise KeyAlreadyRevoked(_("This API key was revoked before."))
    key.refresh_from_db()
    audit.record(
        actor=actor,
        action="api_key.revoked",
        institution=key.institution,
        subject=key,
        now=now,
        details={"client": str(key.client_id), "prefix": key.prefix},
    )
    return key


def authenticate_key(key: str, *, now: datetime) -> ApiClient:
    """The client a key belongs to, with its institution.

    One digest and two indexed look-ups, whatever the key: malformed, unknown, revoked and expired keys
    cost the same and look the same. The first look-up tells whose key it is, past the walls; the second
    reads it within them. Nothing is remembered from one request to the next.

    Raises:
        KeyRefused: no client that may call has this key.
    """
    wanted = digest(key)
    with scope.entered(scope.of(_institution_of(wanted))):
        row = ClientKey.objects.select_related("client__institution").filter(sha256=wanted).first()
        if row is None or not row.opens(now):
            raise KeyRefused(_("The API key is not valid."))
        _note_use(row, now)
    return row.client


def locked(client: ApiClient) -> ApiClient:
    """The client as it is now, held until the transaction ends; nobody revokes it meanwhile."""
    return ApiClient.objects.select_related("institution").select_for_update(of=("self",)).get(pk=client.pk)


def digest(key: str) -> str:
    """What is stored of a key or a token: SHA-256, in hexadecimal."""
    return sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def _institution_of(wanted: str) -> UUID:
    with connection.cursor() as cursor:
        cursor.execute("SELECT assay_institution_of_key(%s)", [wanted])
        (institution_id,) = cursor.fetchone()
    return institution_id or NO_INSTITUTION


def _note_use(row: ClientKey, now: datetime) -> None:
    """Remember the hour of the latest use: one write an hour and key, not one a request."""
    hour = now.replace(minute=0, second=0, microsecond=0)
    if row.last_used_at != hour:
        ClientKey.objects.filter(pk=row.pk).update(last_used_at=hour)
