"""Reading what belongs to an institution. A stranger's row and a missing row look the same."""

from datetime import datetime
from typing import TYPE_CHECKING, Self
from uuid import UUID

from django.db import models
from django.utils.translation import gettext as _

from apps.common.errors import NotFound

if TYPE_CHECKING:
    from apps.tenants.models import ApiClient, ClientKey, Institution


class ClientNotFound(NotFound):
    """No such API client in this institution."""

    code = "client_not_found"


class KeyNotFound(NotFound):
    """No such API key in this institution."""

    code = "key_not_found"


class ApiClientQuerySet(models.QuerySet["ApiClient"]):
    """API clients, narrowed to whom they belong and whether they may call."""

    def visible_to(self, institution: "Institution") -> Self:
        """Only this institution's clients."""
        return self.filter(institution=institution)

    def active(self) -> Self:
        """Only clients that were not revoked."""
        return self.filter(revoked_at__isnull=True)

    def access(self, client_id: UUID, *, institution: "Institution") -> "ApiClient":
        """One client of this institution.

        Raises:
            ClientNotFound: there is none, or it belongs to somebody else.
        """
        client = self.visible_to(institution).filter(pk=client_id).first()
        if client is None:
            raise ClientNotFound(_("There is no such API client."))
        return client


class ClientKeyQuerySet(models.QuerySet["ClientKey"]):
    """API keys, narrowed to whom they belong and whether they open."""

    def visible_to(self, institution: "Institution") -> Self:
        """Only this institution's keys."""
        return self.filter(institution=institution)

    def good(self, now: datetime) -> Self:
        """Only keys that are neither revoked nor expired; their client may still be."""
        return self.filter(revoked_at__isnull=True).exclude(expires_at__lte=now)

    def access(self, key_id: UUID, *, institution: "Institution") -> "ClientKey":
        """One key of this institution.

        Raises:
            KeyNotFound: there is none, or it belongs to somebody else.
        """
        key = self.visible_to(institution).filter(pk=key_id).first()
        if key is None:
            raise KeyNotFound(_("There is no such API key."))
        return key
