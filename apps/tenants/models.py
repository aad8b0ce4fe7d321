"""Institutions, their people and their machine clients."""

import secrets
from datetime import datetime

from django.contrib.auth.models import AbstractUser
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Lower
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _

from apps.common.models import UUIDModel
from apps.tenants.querysets import ApiClientQuerySet, ClientKeyQuerySet
from apps.tenants.roles import OF_AN_INSTITUTION, roles_of_kind
from apps.tenants.scopes import all_scopes


def new_mark() -> str:
    """128 random bits, printable."""
    return secrets.token_urlsafe(16)


class Institution(UUIDModel):
    """A bank or a hospital: the wall between one customer's records and another's."""

    class Kind(models.TextChoices):
        BANK = "bank", _("Bank")
        HOSPITAL = "hospital", _("Hospital")

    name = models.CharField(_("name"), max_length=200, unique=True)
    kind = models.CharField(_("kind"), max_length=16, choices=Kind)
    limits: "models.JSONField[dict[str, int], dict[str, int]]" = models.JSONField(
        default=dict,
        blank=True,
        help_text=_("What all its clients may send in a minute, by kind, where not the default."),
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("institution")
        verbose_name_plural = _("institutions")
        constraints = (
            models.CheckConstraint(condition=models.Q(kind__in=["bank", "hospital"]), name="institution_kind_known"),
        )

    def __str__(self) -> str:
        return self.name


class User(AbstractUser):
    """A person who signs in: staff operate the installation, all others work where they have a membership.

    Written by ``apps.tenants.people`` alone. ``sessions_mark`` goes into every session they open;
    another mark ends all of them at once.
    """

    sessions_mark = models.CharField(max_length=22, default=new_mark, editable=False)

    class Meta:
        verbose_name = _("person")
        verbose_name_plural = _("people")
        constraints = (
            models.UniqueConstraint(
                Lower("email"), condition=~models.Q(email=""), name="user_email_once", violation_error_code="unique"
            ),
        )

    def _get_session_auth_hash(self, secret: str | None = None) -> str:
        mark = f"{self.password}:{self.sessions_mark}"
        return salted_hmac("apps.tenants.User", mark, secret=secret, algorithm="sha256").hexdigest()


class Membership(UUIDModel):
    """One role of one person in one institution. Written by ``apps.tenants.people`` alone.

    PostgreSQL holds the role to the institution's kind: ``institution_kind`` follows the institution
    through a foreign key of both columns.
    """

    institution = models.ForeignKey(Institution, on_delete=models.PROTECT, related_name="memberships")
    institution_kind = models.CharField(max_length=16, choices=Institution.Kind, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(_("role"), max_length=16, choices=OF_AN_INSTITUTION)
    granted_at = models.DateTimeField(_("granted at"))

    class Meta:
        verbose_name = _("membership")
        verbose_name_plural = _("memberships")
        constraints = (
            models.UniqueConstraint(fields=["user", "institution", "role"], name="membership_once"),
            models.CheckConstraint(
                condition=models.Q(institution_kind="bank", role__in=roles_of_kind("bank"))
                | models.Q(institution_kind="hospital", role__in=roles_of_kind("hospital")),
                name="membership_role_fits_kind",
            ),
        )

    def __str__(self) -> str:
        return f"{self.role} @ {self.institution_id}"


class ApiClient(UUIDModel):
    """A system of an institution that calls the REST API, with a key or an access token.

    Written by ``apps.tenants.services`` alone. Revoking it, or its expiry, ends every key and token at once.
    """

    class Mode(models.TextChoices):
        TEST = "test", _("Test")
        LIVE = "live", _("Live")

    institution = models.ForeignKey(Institution, on_delete=models.PROTECT, related_name="api_clients")
    name = models.CharField(_("name"), max_length=200)
    mode = models.CharField(_("mode"), max_length=8, choices=Mode)
    scopes = ArrayField(models.CharField(max_length=32), verbose_name=_("scopes"), default=all_scopes)
    limits: "models.JSONField[dict[str, int], dict[str, int]]" = models.JSONField(
        default=dict, blank=True, help_text=_("What it may send in a minute, by kind, where not the default.")
    )
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(_("expires at"), null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects = ApiClientQuerySet.as_manager()

    class Meta:
        verbose_name = _("API client")
        verbose_name_plural = _("API clients")
        constraints = (
            models.CheckConstraint(condition=models.Q(mode__in=["test", "live"]), name="apiclient_mode_known"),
        )

    def __str__(self) -> str:
        return f"{self.name} ({self.mode})"

    def may_call(self, now: datetime) -> bool:
        """Whether it is neither revoked nor past its end."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


class ClientKey(UUIDModel):
    """One API key of a client; two are good at once while the client changes from one to the next.

    Only a SHA-256 digest of the key is stored: 256 random bits need no slow hash.
    The prefix, ``ak_test_`` or ``ak_live_`` and the first characters, names the key to people.
    """

    institution = models.ForeignKey(Institution, on_delete=models.PROTECT, related_name="+")
    client = models.ForeignKey(ApiClient, on_delete=models.CASCADE, related_name="keys")
    prefix = models.CharField(_("prefix"), max_length=24)
    sha256 = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(_("created at"))
    expires_at = models.DateTimeField(_("expires at"), null=True, blank=True)
    revoked_at = models.DateTimeField(_("revoked at"), null=True, blank=True)
    last_used_at = models.DateTimeField(_("last used at"), null=True, blank=True, help_text=_("To the hour."))

    objects = ClientKeyQuerySet.as_manager()

    class Meta:
        verbose_name = _("API key")
        verbose_name_plural = _("API keys")

    def __str__(self) -> str:
        return f"{self.prefix}…"

    def opens(self, now: datetime) -> bool:
        """Whether it and its client are neither revoked nor past their end."""
        is_good = self.revoked_at is None and (self.expires_at is None or now < self.expires_at)
        return is_good and self.client.may_call(now)
