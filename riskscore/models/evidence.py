"""What a bank told: accounts, counterparties, devices and the events that tie them together.

What identifies somebody is sealed, and found by a keyed digest: see `riskscore.digests`. Amounts, times,
kinds, countries and the numbers made of them stay readable for SQL; they name nobody.
"""

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.common.encryption import SealedJSONField, SealedTextField
from apps.tenants.models import Institution
from riskscore.events import Channel, CounterpartyKind, EventKind
from riskscore.models.checks import keyed, one_of

Q = models.Q


class Account(models.Model):
    """An account as its bank refers to it. Its row is the lock under which events get their sequence."""

    institution = models.ForeignKey(Institution, on_delete=models.PROTECT, related_name="+")
    digest = models.BinaryField(max_length=32, help_text=_("Keyed; see riskscore.digests."))
    reference = SealedTextField(row="digest")
    event_count = models.PositiveIntegerField(default=0, help_text=_("Also the sequence of the next event."))
    created_at = models.DateTimeField()

    class Meta:
        verbose_name = _("account")
        verbose_name_plural = _("accounts")
        constraints = (
            models.UniqueConstraint(fields=["institution", "digest"], name="account_reference_once"),
            keyed("digest", name="account_digest_keyed"),
        )

    def __str__(self) -> str:
        return f"account {self.pk}"


class Counterparty(models.Model):
    """A merchant, terminal or payee, as one bank identifies it."""

    institution = models.ForeignKey(Institution, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=16)
    digest = models.BinaryField(max_length=32, help_text=_("Keyed; see riskscore.digests."))
    reference = SealedTextField(row="digest")
    first_seen_at = models.DateTimeField()

    class Meta:
        verbose_name = _("counterparty")
        verbose_name_plural = _("counterparties")
        constraints = (
            models.UniqueConstraint(fields=["institution", "digest"], name="counterparty_reference_once"),
            one_of("kind", CounterpartyKind, name="counterparty_kind_known"),
            keyed("digest", name="counterparty_digest_keyed"),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"


class Device(models.Model):
    """A device, known by its fingerprint's hash within one bank. What it said of itself is with each event."""

    institution = models.ForeignKey(Institution, on_delete=models.PROTECT, related_name="+")
    digest = models.BinaryField(max_length=32, help_text=_("Keyed; see riskscore.digests."))
    fingerprint = SealedTextField(row="digest")
    first_seen_at = models.DateTimeField()

    class Meta:
        verbose_name = _("device")
        verbose_name_plural = _("devices")
        constraints = (
            models.UniqueConstraint(fields=["institution", "digest"], name="device_fingerprint_once"),
            keyed("digest", name="device_digest_keyed"),
        )

    def __str__(self) -> str:
        return f"device {self.pk}"


class Event(models.Model):
    """One event of an account, exactly as told, with the features of the moment it arrived.

    Append-only: a trigger refuses every update but a new seal around the same contents, because cached
    prefixes and past assessments rest on it; and every deletion but by erasure and retention.
    """

    # No index begins with the institution: PostgreSQL would read all of a bank's events for one account's, wherever
    # its statistics are older than the bank (9 ms instead of 0.6 among 14,000; 2026-11-25).
    institution = models.ForeignKey(Institution, on_delete=models.PROTECT, related_name="+", db_index=False)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="events", db_index=False)
    sequence = models.PositiveIntegerField(help_text=_("Place in the order of arrival on the account, from 0."))
    external_digest = models.BinaryField(max_length=32, help_text=_("Of the bank's own identifier, keyed."))
    content = SealedJSONField(
        row=("account_id", "sequence"), help_text=_("What identifies: see riskscore.records.content_of.")
    )
    kind = models.CharField(max_length=16)
    channel = models.CharField(max_length=16)
    amount = models.DecimalField(max_digits=19, decimal_places=4)
    cents = models.BigIntegerField(help_text=_("The amount in hundredths, as features count it."))
    currency = models.CharField(max_length=3)
    occurred_at = models.DateTimeField()
    received_at = models.DateTimeField()
    country = models.CharField(max_length=2, default="", blank=True)
    counterparty = models.ForeignKey(Counterparty, on_delete=models.PROTECT, null=True, related_name="events")
    counterparty_category = models.CharField(max_length=4, default="", blank=True)
    counterparty_country = models.CharField(max_length=2, default="", blank=True)
    device = models.ForeignKey(Device, on_delete=models.PROTECT, null=True, related_name="events")
    content_digest = models.BinaryField(
        max_length=32, help_text=_("Keyed, of the event as told; tells a repeat from a change.")
    )
    features = models.JSONField()
    packed = models.BinaryField(help_text=_("The event as a position of the account's history."))
    entry = models.BinaryField(help_text=_("What windows keep of it: see riskscore.features.entries."))
    encoding = models.CharField(max_length=32, help_text=_("Version of the schema it is packed by."))

    class Meta:
        verbose_name = _("event")
        verbose_name_plural = _("events")
        constraints = (
            models.UniqueConstraint(fields=["external_digest", "institution"], name="event_external_id_once"),
            models.UniqueConstraint(fields=["account", "sequence"], name="event_sequence_once"),
            models.CheckConstraint(condition=Q(amount__gte=0), name="event_amount_not_negative"),
            one_of("kind", EventKind, name="event_kind_known"),
            one_of("channel", Channel, name="event_channel_known"),
            keyed("external_digest", name="event_external_digest_keyed"),
            keyed("content_digest", name="event_content_digest_keyed"),
        )
        indexes = (
            BrinIndex(fields=["received_at"], autosummarize=True, name="event_received"),  # for retention
            models.Index(
                fields=["counterparty", "occurred_at"],
                include=["account", "cents", "institution"],  # the policy asks for it at every row
                condition=Q(counterparty__isnull=False) & ~Q(kind__in=["login", "reversal"]),
                name="event_counterparty_time",
            ),
        )

    def __str__(self) -> str:
        return f"event {self.pk}"

    @property
    def external_id(self) -> str:
        """The bank's own identifier."""
        return str(self.content["id"])

    @property
    def card(self) -> str:
        """First six and last four digits, or ""."""
        return str(self.content["card"])
