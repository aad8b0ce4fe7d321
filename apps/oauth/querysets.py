"""Access tokens, narrowed to whom they belong."""

from datetime import datetime
from typing import TYPE_CHECKING, Self

from django.db import models

if TYPE_CHECKING:
    from apps.oauth.models import AccessToken
    from apps.tenants.models import Institution


class AccessTokenQuerySet(models.QuerySet["AccessToken"]):
    """Access tokens."""

    def visible_to(self, institution: "Institution") -> Self:
        """Only tokens of this institution's clients."""
        return self.filter(institution=institution)

    def good(self, now: datetime) -> Self:
        """Only tokens that are neither revoked nor expired; their client may still be."""
        return self.filter(revoked_at__isnull=True, expires__gt=now)

    def of_digest(self, checksum: str) -> "AccessToken | None":
        """The token with this digest, with its client and its institution."""
        return self.select_related("application__api_client__institution").filter(token_checksum=checksum).first()
