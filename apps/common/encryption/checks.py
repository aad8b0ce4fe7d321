"""What the system check asks of every sealed field."""

from typing import Any

from django.apps import apps
from django.core.checks import CheckMessage, Error, register
from django.core.exceptions import FieldDoesNotExist
from django.db import models

from apps.common.encryption.fields import SealedField


@register("models")
def check_sealed_fields(app_configs: Any = None, **_kwargs: Any) -> list[CheckMessage]:
    """Every sealed field's model has an institution, and row attributes that are known before INSERT."""
    configs = apps.get_app_configs() if app_configs is None else app_configs
    found = (field for config in configs for model in config.get_models() for field in _sealed(model))
    return [error for field in found for error in _errors(field)]


def _sealed(model: type[models.Model]) -> list[SealedField]:
    return [field for field in model._meta.concrete_fields if isinstance(field, SealedField)]  # noqa: SLF001


def _errors(field: SealedField) -> list[CheckMessage]:
    errors: list[CheckMessage] = []
    institution = _named(field.model, "institution")
    if institution is None or institution.null:
        errors.append(Error("A sealed field needs a model with an institution.", obj=field, id="sealing.E001"))
    for name in field.row:
        column = _named(field.model, name)
        if column is None or column.null or isinstance(column, models.AutoField):
            hint = "Name a UUID or a digest that is set before INSERT."
            errors.append(Error(f"{name!r} does not tell rows apart in time.", hint=hint, obj=field, id="sealing.E002"))
    return errors


def _named(model: type[models.Model], name: str) -> "models.Field[Any, Any] | None":
    try:
        found = model._meta.get_field(name)  # noqa: SLF001
    except FieldDoesNotExist:
        return None
    return found if isinstance(found, models.Field) else None
