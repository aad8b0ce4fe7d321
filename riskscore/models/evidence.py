"""What a bank told: accounts, counterparties, devices and the events that tie them together."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.tenants.models import Institution
from riskscore.events import Channel, CounterpartyKind, EventKind
from riskscore.models.checks import one_of

Q = models.Q


class Account(models.Model):
    """An account as its bank refers to it. Its row is the lock under which events get their sequence."""

    institution = models.ForeignKey(Institution, on_delete=models.PROTECT, related_name="+")
    reference = models.CharField(max_length=64)
    event_count = models.PositiveIntegerField(default=0, help_text=_("Also the sequence of the next event."))
    created_at = models.DateTimeField()

    class Meta:
        verbose_name = _("account")
        verbose_name_plural = _("accounts")
        constraints = (models.UniqueConstraint(fields=["institution", "reference"], name="account_reference_once"),)

    def __str__(self) -> str:
        return self.reference


class Counterparty(models.Model):
    """A merchant, terminal or payee, as one bank identifies it."""

    institution = models.ForeignKey(Institution, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=16)
    reference = models.CharField(max_length=64)
    first_seen_at = models.DateTimeField()

    class Meta:
        verbose_name = _("counterparty")
        verbose_name_plural = _("counterparties")
        constraints = (
            models.UniqueConstraint(fields=["institution", "kind", "reference"], name="counterparty_reference_once"),
            one_of("kind", CounterpartyKind, name="counterparty_kind_known"),
        )

    def __str__(self) -> str:
        return f"{self.kind}:{self.reference}"


class Device(models.Model):
    """A device, known by its fingerprint's hash within one bank. What it said of itself is with each event."""

    institution = models.ForeignKey(Institution, on_delete=models.PROTECT, related_name="+")
    fingerprint = models.CharField(max_length=128)
    first_seen_at = models.DateTimeField()

    class Meta:
        verbose_name = _("device")
        verbose_name_plural = _("devices")
        constraints = (models.UniqueConstraint(fields=["institution", "fingerprint"], name="device_fingerprint_once"),)

    def __str__(self) -> str:
        return self.fingerprint


class Event(models.Model):
    """One event of an account, exactly as told, with the features of the moment it arrived.

    Append-only: a trigger refuses every update, because cached prefixes and past assessments rest on it.
    """

    institution = models.ForeignKey(Institution, on_delete=models.PROTECT, related_name="+")
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="events")
    sequence = models.PositiveIntegerField(help_text=_("Place in the order of arrival on the account, from 0."))
    external_id = models.CharField(max_length=64, help_text=_("The bank's own identifier."))
    kind = models.CharField(max_length=16)
    channel = models.CharField(max_length=16)
    amount = models.DecimalField(max_digits=19, decimal_places=4)
    cents = models.BigIntegerField(help_text=_("The amount in hundredths, as features count it."))
    currency = models.CharField(max_length=3)
    occurred_at = models.DateTimeField()
    received_at = models.DateTimeField()
    country = models.CharField(max_length=2, default="", blank=True)
    card = models.CharField(max_length=11, default="", blank=True, help_text=_("First six and last four digits."))
    counterparty = models.ForeignKey(Counterparty, on_delete=models.PROTECT, null=True, related_name="events")
    counterparty_category = models.CharField(max_length=4, default="", blank=True)
    counterparty_country = models.CharField(max_length=2, default="", blank=True)
    device = models.ForeignKey(Device, on_delete=models.PROTECT, null=True, related_name="events")
    device_fields = models.JSONField(null=True, help_text=_("Everything the device said, by field name."))
    reverses = models.CharField(max_length=64, default="", blank=True)
    content_sha256 = models.BinaryField(
        max_length=32, help_text=_("Of the event as told; tells a repeat from a change.")
    )
    features = models.JSONField()
    packed = models.BinaryField(help_text=_("The event as a position of the account's history."))
    encoding = models.CharField(max_length=32, help_text=_("Version of the schema it is packed by."))

    class Meta:
        verbose_name = _("event")
        verbose_name_plural = _("events")
        constraints = (
            models.UniqueConstraint(fields=["institution", "external_id"], name="event_external_id_once"),
            models.UniqueConstraint(fields=["account", "sequence"], name="event_sequence_once"),
            models.CheckConstraint(condition=Q(amount__gte=0), name="event_amount_not_negative"),
            models.CheckConstraint(condition=Q(card__regex=r"^(\d{6}…\d{4})?$"), name="event_card_masked"),
            one_of("kind", EventKind, name="event_kind_known"),
            one_of("channel", Channel, name="event_channel_known"),
        )
        indexes = (
            models.Index(
                fields=["counterparty", "occurred_at"],
                include=["account", "cents"],
                condition=Q(counterparty__isnull=False) & ~Q(kind__in=["login", "reversal"]),
                name="event_counterparty_time",
            ),
        )

    def __str__(self) -> str:
        return self.external_id
