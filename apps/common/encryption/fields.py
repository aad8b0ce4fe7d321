"""Model fields that are sealed in their column and open as attributes of their row.

The field object itself keeps nothing of any row: opening happens on the instance, with the instance's own
institution and row, the first time the attribute is read.
"""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.core.exceptions import FieldError
from django.db import models
from django.db.models.lookups import IsNull

from apps.common.encryption.sealing import Place, Sealed, seal, unseal

if TYPE_CHECKING:
    Field = models.Field[Any, Any]  # generic in the type stubs only
else:
    Field = models.Field

INSTITUTION = "institution_id"


class SealedAttribute:
    """The attribute: sealed as loaded, opened when first read, plain as assigned."""

    def __init__(self, field: "SealedField") -> None:
        self.field = field

    def __get__(self, instance: models.Model | None, owner: type[models.Model]) -> Any:
        if instance is None:
            return self
        values, name = instance.__dict__, self.field.attname
        value = values[name] if name in values else _deferred(instance, name)
        if isinstance(value, Sealed):
            value = self.field.opened(value, place_of(instance, self.field))
        values[name] = value
        return value

    def __set__(self, instance: models.Model, value: Any) -> None:
        instance.__dict__[self.field.attname] = value


class SealedField(Field):
    """Base of the sealed fields; subclasses say how a value becomes bytes.

    Attributes:
        row: attributes of the model that tell its rows apart and are known before INSERT. They must
            never change: a row that takes another identity cannot be opened any more.
    """

    descriptor_class = SealedAttribute

    def __init__(self, *args: Any, row: str | tuple[str, ...] = "id", **kwargs: Any) -> None:
        kwargs.setdefault("editable", False)
        super().__init__(*args, **kwargs)
        self.row = (row,) if isinstance(row, str) else tuple(row)

    def encoded(self, value: Any) -> bytes:
        """A value as the bytes to be sealed. Raises TypeError for what the field does not take."""
        raise NotImplementedError

    def decoded(self, content: bytes) -> Any:
        """The inverse of `encoded`."""
        raise NotImplementedError

    def opened(self, value: Sealed, place: Place) -> Any:
        """What was sealed for the place. Raises SealBroken: see `unseal`."""
        return self.decoded(unseal(value.token, place))

    def decoded_many(self, contents: Sequence[bytes]) -> list[Any]:
        """What `decoded` gives for each."""
        return [self.decoded(content) for content in contents]

    def sealed(self, value: Any, place: Place) -> Sealed | None:
        """The value as it is stored; None stays NULL."""
        return None if value is None else Sealed(seal(self.encoded(value), place))

    def deconstruct(self) -> Any:
        """For migrations."""
        name, path, args, kwargs = super().deconstruct()
        kwargs.pop("editable", None)
        return name, path, args, kwargs | ({} if self.row == ("id",) else {"row": self.row})

    def get_internal_type(self) -> str:
        """The column is bytea."""
        return "BinaryField"

    def from_db_value(self, value: Any, _expression: Any, _connection: Any) -> Sealed | None:
        """What a query gives: sealed still, because a query does not know which row a value is from."""
        return None if value is None else Sealed(bytes(value))

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:  # noqa: FBT001 - Django's signature
        """The instance's value, sealed for its row; one that was never opened is tried and kept."""
        del add
        value = model_instance.__dict__.get(self.attname)
        if isinstance(value, Sealed):
            self.opened(value, place_of(model_instance, self))
            return value
        return None if value is None else self.sealed(value, place_of(model_instance, self))

    def get_prep_value(self, value: Any) -> bytes | None:
        """Refuse what is not sealed. Raises TypeError: see `sealed_value`."""
        if value is None:
            return None
        if not isinstance(value, Sealed):
            raise TypeError(f"{self} takes sealed values only; see apps.common.encryption.sealed_value")
        return value.token

    def get_lookup(self, lookup_name: str) -> Any:
        """Only IS NULL. Raises FieldError: nothing sealed equals anything."""
        if lookup_name != "isnull":
            raise FieldError(f"{self} is sealed and cannot be searched; search by a keyed digest")
        return IsNull

    def get_transform(self, _lookup_name: str) -> Any:
        """None. Raises FieldError: nothing sealed has parts."""
        raise FieldError(f"{self} is sealed and cannot be searched; search by a keyed digest")

    def value_to_string(self, _obj: models.Model) -> str:
        """Refused: a dump of rows would hold what is sealed. Raises TypeError."""
        raise TypeError(f"{self} is sealed and is not serialized")


class SealedTextField(SealedField):
    """Text; the empty text too is sealed."""

    def encoded(self, value: Any) -> bytes:
        """UTF-8."""
        if not isinstance(value, str):
            raise TypeError(f"{self} takes text")
        return value.encode()

    def decoded(self, content: bytes) -> str:
        """The text."""
        return content.decode()


class SealedBytesField(SealedField):
    """Bytes as they are."""

    def encoded(self, value: Any) -> bytes:
        """The bytes themselves."""
        if not isinstance(value, (bytes, bytearray, memoryview)):
            raise TypeError(f"{self} takes bytes")
        return bytes(value)

    def decoded(self, content: bytes) -> bytes:
        """The bytes."""
        return content


class SealedJSONField(SealedField):
    """Anything JSON can say but null, which is NULL."""

    def encoded(self, value: Any) -> bytes:
        """Compact JSON. Raises ValueError for numbers that are not finite."""
        return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()

    def decoded(self, content: bytes) -> Any:
        """The document."""
        return json.loads(content)

    def decoded_many(self, contents: Sequence[bytes]) -> list[Any]:
        """All in one document: half the time of one after the other."""
        return list(json.loads(b"[" + b",".join(contents) + b"]"))


def place_of(instance: models.Model, field: SealedField) -> Place:
    """Where an instance's value belongs. Raises ValueError while the instance does not know it."""
    row = tuple(getattr(instance, name) for name in field.row)
    institution_id = getattr(instance, INSTITUTION)
    if institution_id is None or None in row:
        raise ValueError(f"{field} cannot be sealed or opened before its institution and row are known")
    return place_in(field, institution_id, row)


def place_in(field: SealedField, institution_id: UUID | None, row: object) -> Place:
    """A place of the field's column; ``row`` is a tuple where several attributes tell rows apart."""
    parts = row if isinstance(row, tuple) else (row,)
    parts = tuple(
        _column(field, name).to_python(part) if isinstance(part, str) else part  # a UUID may be given as text
        for name, part in zip(field.row, parts, strict=True)
    )
    return Place(
        model=label_of(field),
        field=field.name,
        institution_id=institution_id,
        row=row_text(parts),
    )


def _column(field: SealedField, name: str) -> Field:
    found = field.model._meta.get_field(name)  # noqa: SLF001
    assert isinstance(found, models.Field)
    return found


def label_of(field: SealedField) -> str:
    """The model a place names, such as ``riskscore.event``; of a proxy, the model behind it."""
    meta = field.model._meta  # noqa: SLF001 - public but for its name
    return (meta.concrete_model or field.model)._meta.label_lower  # noqa: SLF001


def row_text(parts: tuple[object, ...]) -> str:
    """A row's identity as text; several parts carry their lengths.

    >>> row_text((b"\\x01\\xff",)), row_text(("a", "bc"))
    ('01ff', '1:a2:bc')
    """
    texts = [bytes(p).hex() if isinstance(p, (bytes, memoryview, bytearray)) else str(p) for p in parts]
    return texts[0] if len(texts) == 1 else "".join(f"{len(text)}:{text}" for text in texts)


def _deferred(instance: models.Model, name: str) -> Any:
    rows = type(instance)._base_manager.using(instance._state.db)  # noqa: SLF001
    return rows.filter(pk=instance.pk).values_list(name, flat=True).get()
