"""Fields that refuse what must not be stored, instead of repairing it."""

import re
import unicodedata
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar

from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from riskscore.cards import holds_card_number

EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
CLOCK_SKEW = timedelta(minutes=5)  # how far a bank's clock may run ahead of ours


class TextField(serializers.CharField):
    """Text as told, nothing trimmed: no control characters and never a full card number."""

    default_error_messages: ClassVar[dict[str, Any]] = {
        "control": _("Control characters are not allowed here."),
        "card_number": _(
            "This looks like a full card number, which is never stored. "
            "Send it as card.number, or prefix the identifier with a letter."
        ),
        "type": _("A text is expected here."),
    }

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(trim_whitespace=False, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        """The text. Numbers and booleans are not taken for text."""
        if not isinstance(data, str):
            self.fail("type")
        text = super().to_internal_value(data)
        if any(unicodedata.category(character) == "Cc" for character in text):
            self.fail("control")
        if holds_card_number(text):
            self.fail("card_number")
        return text


class PatternField(TextField):
    """Text of one form, such as a country code."""

    def __init__(self, pattern: str, message: Any, **kwargs: Any) -> None:
        self._pattern = re.compile(pattern)
        self._message = message
        super().__init__(**kwargs)
        self.validators.append(RegexValidator(rf"^(?:{pattern})$"))  # never reached; for the OpenAPI page

    def to_internal_value(self, data: Any) -> str:
        """The text, if it has the form."""
        text = super().to_internal_value(data)
        if text and not self._pattern.fullmatch(text):
            raise ValidationError(self._message, code="pattern")
        return text


MONEY: dict[str, Any] = {
    "oneOf": [
        {"type": "string", "pattern": r"^[0-9]{1,11}(\.[0-9]{1,4})?$"},
        {"type": "number", "minimum": 0, "exclusiveMaximum": 100_000_000_000, "multipleOf": 0.0001},
    ]
}


@extend_schema_field(MONEY)
class MoneyField(serializers.DecimalField):
    """A number, or a number as text, with at most four decimals; not negative and never rounded."""

    default_error_messages: ClassVar[dict[str, Any]] = {
        "form": _("An amount is a plain number such as 12.50, as a number or as text."),
    }

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_digits=15, decimal_places=4, min_value=Decimal(0), **kwargs)

    def to_internal_value(self, data: Any) -> Decimal:
        """The exact value."""
        if isinstance(data, bool) or not isinstance(data, int | Decimal | str):
            self.fail("form")
        if isinstance(data, str) and not re.fullmatch(r"[0-9]{1,15}(\.[0-9]{1,4})?", data):
            self.fail("form")
        if isinstance(data, Decimal):
            data = f"{data:f}" if abs(data.adjusted()) < 32 else self.fail("form")
        return super().to_internal_value(data)


class MomentField(serializers.DateTimeField):
    """An RFC 3339 time with its offset, not before 1990 and not ahead of our clock by more than its skew."""

    default_error_messages: ClassVar[dict[str, Any]] = {
        "naive": _("A time needs its offset, such as Z or +02:00."),
        "future": _("This time is in the future."),
        "past": _("This time is too long ago."),
    }

    def to_internal_value(self, value: Any) -> datetime:
        """The moment, in UTC."""
        if not isinstance(value, str):
            self.fail("invalid", format="RFC 3339")
        moment = super().to_internal_value(value)
        if moment > self.context["now"] + CLOCK_SKEW:
            self.fail("future")
        if moment < EARLIEST:
            self.fail("past")
        return moment.astimezone(UTC)

    def enforce_timezone(self, value: datetime) -> datetime:
        """Refuse a time without an offset instead of guessing one."""
        if value.utcoffset() is None:
            self.fail("naive")
        return value


class FlagField(serializers.BooleanField):
    """true or false, and not what might be meant by it."""

    def to_internal_value(self, data: Any) -> bool:
        """The flag."""
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class CountField(serializers.IntegerField):
    """A whole number, not as text."""

    def to_internal_value(self, data: Any) -> int:
        """The number."""
        if isinstance(data, bool) or not isinstance(data, int):
            self.fail("invalid")
        return super().to_internal_value(data)


class NumberField(serializers.FloatField):
    """A number with a fraction, not as text, so that no NaN comes in by name."""

    def to_internal_value(self, data: Any) -> float:
        """The number."""
        if isinstance(data, bool) or not isinstance(data, int | Decimal):
            self.fail("invalid")
        return float(super().to_internal_value(float(data)))
