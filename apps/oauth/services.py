"""Letting clients in with OAuth 2.0: how each proves itself, and the tokens it then gets."""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.utils.translation import gettext as _

from apps.audit import services as audit
from apps.common import scope
from apps.common.errors import InvalidInput
from apps.oauth import assertions
from apps.oauth.fetching import check_address
from apps.oauth.jwks import checked_document
from apps.oauth.keysets import key_of
from apps.oauth.models import AccessToken, Application, UsedAssertion
from apps.oauth.problems import ClientRefused, TokenRefused
from apps.tenants.keys import NO_INSTITUTION, ClientGone, KeyRefused, authenticate_key, digest, locked
from apps.tenants.models import ApiClient, Institution

KEPT = timedelta(hours=1)  # rows of ended tokens, for whoever looks into what happened just now


@transaction.atomic
def register_application(
    *,
    client: ApiClient,
    now: datetime,
    actor: str = "system",
    jwks: dict[str, Any] | None = None,
    jwks_uri: str = "",
    hosts: Collection[str] = (),
) -> Application:
    """Let a client get access tokens, or change what it proves itself by. Tokens it has stay good until their end.

    Args:
        jwks: its public keys.
        jwks_uri: where its public keys are. With neither, its API keys are its secret.
        hosts: hosts that the operator allows such addresses on.

    Raises:
        ClientGone: the client was revoked or is past its end.
        KeySetRefused: the key set or its address is not acceptable.
        InvalidInput: both a key set and an address are given.
    """
    if jwks is not None and jwks_uri:
        raise InvalidInput(_("Give a key set or its address, not both."), pointer="/jwks_uri")
    client = locked(client)
    if not client.may_call(now):
        raise ClientGone(_("This API client was revoked, or is past its end."))
    has_keys = jwks is not None or bool(jwks_uri)
    application: Application
    application, is_new = Application.objects.update_or_create(
        api_client=client,
        defaults={
            "institution_id": client.institution_id,
            "client_id": str(client.pk),
            "proof": Application.Proof.ASSERTION if has_keys else Application.Proof.SECRET,
            "jwks": None if jwks is None else checked_document(jwks),
            "jwks_uri": check_address(jwks_uri, hosts) if jwks_uri else "",
            "jwks_asked_at": None,
            "jwks_read_at": None,
        },
    )
    action = "oauth_client.registered" if is_new else "oauth_client.changed"
    audit.record(
        actor=actor,
        action=action,
        institution=client.institution,
        subject=client,
        now=now,
        details={"proof": str(application.proof), "key_set_from_address": bool(jwks_uri)},
    )
    return application


def authenticate_secret(*, client_id: str, secret: str, now: datetime) -> Application:
    """The client whose API key came as its secret.

    Raises:
        ClientRefused: the secret is none, is another client's, or this client signs assertions instead.
    """
    try:
        client = authenticate_key(secret, now=now)
    except KeyRefused:
        raise ClientRefused("secret") from None
    with scope.entered(scope.of(client.institution_id)):
        application = _application(client_id=str(client.pk))
    if client_id != str(client.pk) or application is None or application.proof != Application.Proof.SECRET:
        raise ClientRefused("secret")
    return application


def authenticate_assertion(compact: str, *, client_id: str, audience: str, now: datetime) -> Application:
    """The client that signed an assertion. Each assertion counts once, whoever presents it first.

    Args:
        client_id: whom the request names besides, or "".
        audience: the address of the token endpoint.

    Raises:
        ClientRefused: the assertion proves nothing, or did so before.
    """
    assertion = assertions.read(compact)
    claimed = assertion.client_id
    if client_id not in {"", str(claimed)}:
        raise ClientRefused("issuer")
    with scope.entered(scope.of(_told("assay_institution_of_client", str(claimed)))):
        application = _application(client_id=str(claimed))
        if application is None or application.proof != Application.Proof.ASSERTION:
            raise ClientRefused("client")
        if not application.api_client.may_call(now):
            raise ClientRefused("revoked")
        verified = assertions.verify(
            assertion,
            key=key_of(application, kid=assertion.kid, now=now),
            audience=audience,
            jwks_uri=application.jwks_uri,
            now=now,
        )
        if not use_up(application=application, verified=verified):
            raise ClientRefused("replayed")
    return application


def use_up(*, application: Application, verified: assertions.Verified) -> bool:
    """Note that an assertion was used. Returns whether this was the first time; of many at once it is one's."""
    kept_until = verified.expires_at + timedelta(seconds=2 * assertions.LEEWAY_S)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO oauth_usedassertion (institution_id, application_id, jti_sha256, expires_at)"
            " VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING",
            [application.institution_id, application.pk, digest(verified.jti), kept_until],
        )
        return bool(cursor.rowcount == 1)


@transaction.atomic
def issue_token(
    *, application: Application, token: str, scopes: Iterable[str], lifetime_s: int, now: datetime
) -> AccessToken:
    """Store what a new access token allows, and of the token its digest alone."""
    client = application.api_client
    row: AccessToken = AccessToken.objects.create(
        institution_id=application.institution_id,
        application=application,
        token_checksum=digest(token),
        scope=" ".join(scopes),
        expires=now + timedelta(seconds=lifetime_s),
    )
    actor = f"client:{client.pk}"
    audit.record(actor=actor, action="access_token.issued", institution=client.institution, subject=row, now=now)
    return row


def authenticate_token(token: str, *, now: datetime) -> tuple[ApiClient, frozenset[str]]:
    """The client a token was issued to, with its institution, and what the token allows.

    What was taken from the client since is taken from the token too. As with keys, one digest and two indexed
    look-ups whatever the token, and nothing is remembered between requests.

    Raises:
        TokenRefused: unknown, revoked or expired; they look the same.
    """
    wanted = digest(token)
    with scope.entered(scope.of(_told("assay_institution_of_token", wanted))):
        row = AccessToken.objects.of_digest(wanted)
    if row is None or not row.opens(now):
        raise TokenRefused(_("The access token is not valid."))
    client = row.application.api_client
    return client, frozenset(row.scope.split()) & frozenset(client.scopes)


@transaction.atomic
def revoke_token(*, application: Application, token: str, now: datetime) -> bool:
    """End a token of this client at once. Returns whether there was one to end (RFC 7009 does not tell the caller)."""
    row = application.access_tokens.good(now).filter(token_checksum=digest(token)).first()
    if row is None or not AccessToken.objects.good(now).filter(pk=row.pk).update(revoked_at=now):
        return False
    client = application.api_client
    actor = f"client:{client.pk}"
    audit.record(actor=actor, action="access_token.revoked", institution=client.institution, subject=row, now=now)
    return True


def purge(now: datetime) -> None:
    """Delete tokens and used assertions that have long ended, institution by institution."""
    for institution_id in Institution.objects.values_list("pk", flat=True):
        with scope.entered(scope.of(institution_id)):
            # Past the library's other tables, which hold nothing and which we may not touch.
            ended = AccessToken.objects.filter(institution_id=institution_id, expires__lt=now - KEPT)
            ended._raw_delete(using=ended.db)  # noqa: SLF001 - Django's own name for a DELETE and nothing else
            UsedAssertion.objects.filter(institution_id=institution_id, expires_at__lt=now).delete()


def _application(*, client_id: str) -> Application | None:
    found: Application | None = (
        Application.objects.select_related("api_client__institution").filter(client_id=client_id).first()
    )
    return found


def _told(function: str, argument: str) -> UUID:
    """The institution that a function past the walls names; none's if it knows of none."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {function}(%s)", [argument])
        (institution_id,) = cursor.fetchone()
    return institution_id or NO_INSTITUTION
