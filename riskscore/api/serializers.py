"""What banks tell, read strictly into values."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from apps.api.serializers import StrictSerializer
from riskscore.anomalies import AnomalyType
from riskscore.api.fields import (
    CountField,
    FlagField,
    MomentField,
    MoneyField,
    NumberField,
    PatternField,
    TextField,
)
from riskscore.cards import luhn_valid
from riskscore.events import (
    Channel,
    Counterparty,
    CounterpartyKind,
    DeviceFingerprint,
    Event,
    EventKind,
    NetworkKind,
    Platform,
    masked_card,
)
from riskscore.models import Label

SHORTEST_DEADLINE_MS, DEFAULT_DEADLINE_MS, LONGEST_DEADLINE_MS = 50, 5_000, 60_000


def country(**kwargs: Any) -> PatternField:
    """ISO 3166-1 alpha-2."""
    return PatternField(r"[A-Z]{2}", _("A country is two capital letters, ISO 3166-1 alpha-2."), max_length=2, **kwargs)


def choice(values: Any, **kwargs: Any) -> serializers.ChoiceField:
    """One value of an enumeration."""
    return serializers.ChoiceField([str(value) for value in values], **kwargs)


class CounterpartySerializer(StrictSerializer):
    """The merchant, terminal or payee on the other side."""

    kind = choice(CounterpartyKind)
    id = TextField(max_length=64, help_text=_("Your identifier, stable over time."))
    category = PatternField(
        r"[0-9]{4}", _("A category is four digits, ISO 18245."), max_length=4, default="", allow_blank=True
    )
    country = country(default="", allow_blank=True)

    def to_internal_value(self, data: Any) -> Counterparty:
        """The counterparty as a value."""
        told = super().to_internal_value(data)
        return Counterparty(**(told | {"kind": CounterpartyKind(told["kind"])}))


class DeviceSerializer(StrictSerializer):
    """What your front end saw of the device behind the event."""

    id = TextField(max_length=128, default="", allow_blank=True, help_text=_("The fingerprint's hash."))
    platform = choice(Platform, default=Platform.OTHER.value)
    browser = TextField(max_length=32, default="", allow_blank=True, help_text=_("Family name in lower case."))
    screen = PatternField(
        r"[0-9]{1,5}x[0-9]{1,5}",
        _("A screen is like 1920x1080, in CSS pixels."),
        max_length=11,
        default="",
        allow_blank=True,
    )
    language = TextField(max_length=35, default="", allow_blank=True, help_text=_("BCP 47 tag."))
    utc_offset_minutes = CountField(min_value=-14 * 60, max_value=14 * 60, default=None, allow_null=True)
    ip_country = country(default="", allow_blank=True)
    network = choice(NetworkKind, default=NetworkKind.RESIDENTIAL.value)
    hardware_concurrency = CountField(min_value=0, max_value=100_000, default=None, allow_null=True)
    memory_gb = NumberField(min_value=0, max_value=1_000_000, default=None, allow_null=True)
    has_touch = FlagField(default=False)
    is_emulator = FlagField(default=False)
    is_automated = FlagField(default=False)
    is_rooted = FlagField(default=False)

    def to_internal_value(self, data: Any) -> DeviceFingerprint:
        """The device as a value."""
        told = super().to_internal_value(data)
        kinds = {"platform": Platform(told["platform"]), "network": NetworkKind(told["network"])}
        return DeviceFingerprint(**(told | kinds))


class CardSerializer(StrictSerializer):
    """The card's number; all but the first six and last four digits are forgotten at once."""

    number = serializers.CharField(max_length=32, write_only=True, trim_whitespace=False)

    def to_internal_value(self, data: Any) -> str:
        """First six and last four digits."""
        number = super().to_internal_value(data)["number"]
        try:
            masked = masked_card(number)
        except ValueError:
            masked = ""
        if not masked or not luhn_valid(number.replace(" ", "").replace("-", "")):
            raise serializers.ValidationError({"number": [_("This is not a card number.")]}, code="card_number")
        return masked


class EventSerializer(StrictSerializer):
    """One thing that happened on one account."""

    id = TextField(max_length=64, help_text=_("Your identifier of the event, unique within your institution."))
    account = TextField(max_length=64, help_text=_("Your reference of the account; never a full card number."))
    kind = choice(EventKind)
    channel = choice(Channel)
    amount = MoneyField(help_text=_("Not negative; zero for a login."))
    currency = PatternField(r"[A-Z]{3}", _("A currency is three capital letters, ISO 4217."), max_length=3)
    occurred_at = MomentField()
    country = country(default="", allow_blank=True)
    card = CardSerializer(default=None, allow_null=True)
    counterparty = CounterpartySerializer(default=None, allow_null=True)
    device = DeviceSerializer(default=None, allow_null=True)
    reverses = TextField(max_length=64, default="", allow_blank=True, help_text=_("Id of the event it takes back."))

    def event(self) -> Event:
        """The event as a value. Raises UnprocessableBody with all that is wrong."""
        told = dict(self.checked())
        told.pop("deadline_ms", None)
        kinds = {"kind": EventKind(told["kind"]), "channel": Channel(told["channel"])}
        return Event(**(told | kinds | {"card": told["card"] or ""}))


class AssessmentRequestSerializer(EventSerializer):
    """An event to be assessed, and how long its answer is of use."""

    deadline_ms = CountField(
        min_value=SHORTEST_DEADLINE_MS,
        max_value=LONGEST_DEADLINE_MS,
        default=DEFAULT_DEADLINE_MS,
        help_text=_("After it the rules alone answer, marked as degraded."),
    )


class FeedbackSerializer(StrictSerializer):
    """What an assessed event turned out to be."""

    verdict = choice(Label.Verdict)
    reported_by = choice(Label.Source)
    anomaly_type = choice(AnomalyType, default=None, allow_null=True)
    labelled_at = MomentField(default=None, allow_null=True, help_text=_("When the source decided; now if absent."))
