"""Institutions, their people and their machine clients."""

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.common.models import UUIDModel
from apps.tenants.querysets import ApiClientQuerySet


class Institution(UUIDModel):
    """A bank or a hospital: the wall between one customer's records and another's."""

    class Kind(models.TextChoices):
        BANK = "bank", _("Bank")
        HOSPITAL = "hospital", _("Hospital")

    name = models.CharField(_("name"), max_length=200, unique=True)
    kind = models.CharField(_("kind"), max_length=16, choices=Kind)
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
    """A person who signs in. Without an institution they operate the installation itself."""

    institution = models.ForeignKey(Institution, on_delete=models.PROTECT, null=True, blank=True, related_name="users")


class ApiClient(UUIDModel):
    """A system of an institution that calls the REST API with a key.

    Only a SHA-256 digest of the key is stored: 256 random bits need no slow hash.
    The prefix, ``ak_test_`` or ``ak_live_`` and the first characters, names the key to people.
    """

    class Mode(models.TextChoices):
        TEST = "test", _("Test")
        LIVE = "live", _("Live")

    institution = models.ForeignKey(Institution, on_delete=models.PROTECT, related_name="api_clients")
    name = models.CharField(_("name"), max_length=200)
    mode = models.CharField(_("mode"), max_length=8, choices=Mode)
    key_prefix = models.CharField(max_length=24)
    key_sha256 = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects = ApiClientQuerySet.as_manager()

    class Meta:
        verbose_name = _("API client")
        verbose_name_plural = _("API clients")
        constraints = (
            models.CheckConstraint(condition=models.Q(mode__in=["test", "live"]), name="apiclient_mode_known"),
        )

    def __str__(self) -> str:
        return f"{self.name} ({self.key_prefix}…)"
