"""Making institutions and the keys their systems call with."""

import secrets
from datetime import datetime
from hashlib import sha256

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from apps.audit import services as audit
from apps.common.errors import Conflict, DomainError, InvalidInput
from apps.tenants.models import ApiClient, Institution

KEY_BYTES = 32  # 256 random bits: a plain digest of the key needs no slow hash
SHOWN_CHARACTERS = 6  # of the random part, after "ak_test_"; 36 of the 256 bits


class KeyRefused(DomainError):
    """The key is unknown or revoked: the two look the same."""

    code = "key_refused"


class NameTaken(Conflict):
    """Another institution carries this name."""

    code = "name_taken"


class AlreadyRevoked(Conflict):
    """The client's key was revoked before."""

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
def create_client(
    *, institution: Institution, name: str, mode: str, now: datetime, actor: str = "system"
) -> tuple[ApiClient, str]:
    """Give a system of an institution a key.

    Returns:
        The client and its key. The key exists nowhere else: only its digest is stored.

    Raises:
        InvalidInput: the name is empty or too long, or the mode is unknown.
    """
    name = name.strip()
    if not 1 <= len(name) <= 200:
        raise InvalidInput(_("A name has 1 to 200 characters."), pointer="/name")
    if mode not in ApiClient.Mode.values:
        raise InvalidInput(_("A client is for test or live use."), pointer="/mode")
    start = f"ak_{mode}_"
    key = start + secrets.token_urlsafe(KEY_BYTES)
    client = ApiClient.objects.create(
        institution=institution,
        name=name,
        mode=mode,
        key_prefix=key[: len(start) + SHOWN_CHARACTERS],
        key_sha256=_digest(key),
    )
    audit.record(actor=actor, action="api_client.created", institution=institution, subject=client, now=now)
    return client, key


def authenticate_key(key: str) -> ApiClient:
    """The client a key belongs to, with its institution.

    One digest and one indexed look-up, whatever the key: malformed, unknown and revoked keys
    cost the same and look the same.

    Raises:
        KeyRefused: no active client has this key.
    """
    client = ApiClient.objects.select_related("institution").filter(key_sha256=_digest(key)).first()
    if client is None or client.revoked_at is not None:
        raise KeyRefused(_("The API key is not valid."))
    return client


@transaction.atomic
def revoke_client(*, client: ApiClient, now: datetime, actor: str = "system") -> ApiClient:
    """Make a client's key useless from the next request on.

    Raises:
        AlreadyRevoked: somebody did so before; the first moment stays on record.
    """
    revoked = ApiClient.objects.active().filter(pk=client.pk).update(revoked_at=now)
    if not revoked:
        raise AlreadyRevoked(_("This API client was revoked before."))
    client.refresh_from_db()
    audit.record(actor=actor, action="api_client.revoked", institution=client.institution, subject=client, now=now)
    return client


def _digest(key: str) -> str:
    return sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
