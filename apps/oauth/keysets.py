"""Which key of a client an assertion names: from the set it gave us, or from its address, asked seldom."""

from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db.models import Q

from apps.oauth.fetching import Unreachable, fetch
from apps.oauth.jwks import PublicKey, checked_document, usable_keys
from apps.oauth.models import Application
from apps.oauth.problems import ClientRefused, KeySetRefused

FRESH = timedelta(minutes=5)  # a key that its client took away is good no longer than this
STALE = timedelta(hours=1)  # … unless the address does not answer
PAUSE = timedelta(seconds=30)  # between two questions to one address, whoever asks and whatever comes back

log = structlog.get_logger(__name__)


def key_of(application: Application, *, kid: str, now: datetime) -> PublicKey:
    """The client's key of this name. Inside the scope of the client's institution.

    Asks the client's address if its set is not fresh or does not have the key, at most once every `PAUSE`:
    whoever comes meanwhile is served from what is known.

    Raises:
        ClientRefused: the client has no such key, or its keys could not be read for too long.
    """
    document = application.jwks
    if application.jwks_uri:
        read_at = application.jwks_read_at
        if read_at is None or now - read_at > FRESH or kid not in _keys(document):
            document = _asked(application, now=now)
    key = _keys(document).get(kid)
    if key is None:
        raise ClientRefused("kid")
    return key


def _keys(document: object) -> dict[str, PublicKey]:
    return {} if document is None else usable_keys(document)


def _asked(application: Application, *, now: datetime) -> object:
    """The set at the client's address, or the one read last if that is not too long ago."""
    row = Application.objects.filter(pk=application.pk)
    may_ask = row.filter(Q(jwks_asked_at__isnull=True) | Q(jwks_asked_at__lte=now - PAUSE)).update(jwks_asked_at=now)
    if may_ask:
        try:
            document = checked_document(fetch(application.jwks_uri, hosts=settings.JWKS_HOSTS))
        except (Unreachable, KeySetRefused) as failed:
            log.warning("oauth.key_set_unread", client_id=application.client_id, reason=str(failed))
        else:
            row.update(jwks=document, jwks_read_at=now)
            return document
    application.refresh_from_db(fields=["jwks", "jwks_read_at"])
    read_at = application.jwks_read_at
    return application.jwks if read_at is not None and now - read_at <= STALE else None
