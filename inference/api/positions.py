"""What a model reads: positions of a record, each a token or an event."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256


@dataclass(frozen=True, slots=True, kw_only=True)
class CategoryField:
    """One categorical field of an event: codes 0 (missing) to ``size - 1``."""

    name: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EventSchema:
    """The typed fields of an event position, in packed order. Part of a checkpoint's config.

    ``version`` changes with the meaning of any field, so that a stored encoding and a
    checkpoint that disagree refuse each other.
    """

    version: str
    numbers: tuple[str, ...]
    categories: tuple[CategoryField, ...]

    @property
    def packed_bytes(self) -> int:
        """Length of one packed event: four bytes a field."""
        return 4 * (len(self.numbers) + len(self.categories))

    def pack(self, numbers: Sequence[float], categories: Sequence[int]) -> "EventPosition":
        """Lay out one event: float32 numbers, NaN for missing, then int32 codes, little-endian.

        Raises:
            ValueError: a count does not match the schema, or a code is outside its field.
        """
        if len(numbers) != len(self.numbers) or len(categories) != len(self.categories):
            raise ValueError("an event needs one value per field of its schema")
        for category, code in zip(self.categories, categories, strict=True):
            if not 0 <= code < category.size:
                raise ValueError(f"code {code} is outside field {category.name!r} of size {category.size}")
        layout = f"<{len(numbers)}f{len(categories)}i"
        return EventPosition(packed=struct.pack(layout, *numbers, *categories))


@dataclass(frozen=True, slots=True)
class TokenPosition:
    """A token id of the checkpoint's vocabulary."""

    token: int

    @property
    def digest(self) -> bytes:
        """16 bytes that stand for the content; tagged, so that no event equals a token."""
        return sha256(b"token" + struct.pack("<i", self.token)).digest()[:16]


@dataclass(frozen=True, slots=True)
class EventPosition:
    """One event as its packed typed fields; see `EventSchema.pack`."""

    packed: bytes

    @property
    def digest(self) -> bytes:
        """16 bytes that stand for the content."""
        return sha256(b"event" + self.packed).digest()[:16]


Position = TokenPosition | EventPosition
