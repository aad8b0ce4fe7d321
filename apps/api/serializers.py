"""What every body that comes in is held to."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError


class UnprocessableBody(ValidationError):
    """A body that is JSON but not what this address takes; every field at fault is named."""

    status_code = 422


class StrictSerializer(serializers.Serializer[Any]):
    """Refuses members it does not know: a misspelled field is an error, never a silence."""

    default_error_messages: ClassVar[dict[str, Any]] = {"unknown": _("This member is not known here.")}

    def to_internal_value(self, data: Any) -> Any:
        """The fields' values; unknown members are errors beside those of the known."""
        errors: dict[str, Any] = {}
        value: Any = None
        try:
            value = super().to_internal_value(data)
        except ValidationError as wrong:
            errors |= wrong.detail if isinstance(wrong.detail, dict) else {"non_field_errors": wrong.detail}
        if isinstance(data, Mapping):
            unknown = [str(name) for name in data if name not in self.fields]
            errors |= {name: [ErrorDetail(str(self.error_messages["unknown"]), "unknown")] for name in unknown}
        if errors:
            raise ValidationError(errors)
        return value

    def checked(self) -> Any:
        """The validated value. Raises UnprocessableBody with all that is wrong."""
        try:
            self.is_valid(raise_exception=True)
        except ValidationError as wrong:
            raise UnprocessableBody(wrong.detail) from None
        return self.validated_data


class StrictTextField(serializers.CharField):
    """Text and nothing that could be read as text: a number is refused."""

    def to_internal_value(self, data: Any) -> str:
        """The text."""
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)
