"""What the leading process tells its followers, as bytes: typed, length-checked, never unpickled.

A message is one byte for its kind and then its fields in order. Integers are 8 bytes, little-endian; texts,
arrays and lists carry their length. How a field is read follows from its type in the message's class, so a
message that was cut short, or has something left over, is refused.
"""

import struct
from collections.abc import Hashable
from dataclasses import dataclass, fields, is_dataclass
from functools import cache
from typing import Any, cast, get_args, get_origin, get_type_hints

import numpy as np
import torch
from torch import Tensor

from inference.engine.layout import Layout
from inference.engine.prompt import IntArray

INTEGER = struct.Struct("<q")
DTYPES = (torch.int64, torch.float32, torch.bfloat16, torch.float16)


class WireError(Exception):
    """Bytes that are no message."""


@dataclass(frozen=True, slots=True)
class Load:
    """Verify a checkpoint folder and keep this process's part of it.

    Attributes:
        settings: as JSON: path, precision and digest.
    """

    settings: str


@dataclass(frozen=True, slots=True)
class Allocate:
    """Give a model, by the order of loading, a new pool."""

    model: int
    blocks: int


@dataclass(frozen=True, slots=True)
class Measure:
    """Take part in finding the largest block of the team."""

    model: int


@dataclass(frozen=True, slots=True)
class Zero:
    """Overwrite blocks of a model's pool."""

    model: int
    blocks: Tensor


@dataclass(frozen=True, slots=True)
class Forward:
    """Compute a batch of T positions.

    Attributes:
        position_ids: [T].
        embedded: [T, hidden], or [0, hidden] where only the leader has layers that read it.
        rows: T.
    """

    model: int
    layout: Layout
    position_ids: Tensor
    embedded: Tensor
    rows: int


@dataclass(frozen=True, slots=True)
class Stop:
    """End."""


Message = Load | Allocate | Measure | Zero | Forward | Stop
KINDS: tuple[type[Any], ...] = (Load, Allocate, Measure, Zero, Forward, Stop)


def encode(message: Message) -> bytes:
    """A message as bytes."""
    parts = [bytes([KINDS.index(type(message))])]
    _write(message, parts)
    return b"".join(parts)


def decode(data: bytes) -> Message:
    """The message that bytes stand for. Raises WireError."""
    reader = _Reader(memoryview(data))
    kind = reader.take(1)[0]
    if kind >= len(KINDS):
        raise WireError("unknown kind of message")
    message: Message = reader.value(KINDS[kind])
    reader.finish()
    return message


def _write(value: object, parts: list[bytes]) -> None:
    if isinstance(value, int):
        parts.append(INTEGER.pack(value))
    elif isinstance(value, str):
        text = value.encode()
        parts += [INTEGER.pack(len(text)), text]
    elif isinstance(value, np.ndarray):
        _write(torch.from_numpy(value), parts)
    elif isinstance(value, Tensor):
        flat = value.detach().cpu().contiguous()
        parts += [INTEGER.pack(DTYPES.index(flat.dtype)), INTEGER.pack(flat.dim())]
        parts += [INTEGER.pack(size) for size in flat.shape]
        parts.append(flat.view(-1).view(torch.uint8).numpy().tobytes())
    elif isinstance(value, tuple):
        parts.append(INTEGER.pack(len(value)))
        for item in value:
            _write(item, parts)
    elif is_dataclass(value):
        for name in _wired(cast("Hashable", type(value))):
            _write(getattr(value, name), parts)
    else:
        raise TypeError(f"{type(value).__name__} has no form on the wire")


@cache
def _wired(kind: Hashable) -> dict[str, Any]:
    """Public fields of a dataclass and their types; what begins with an underscore each process makes for itself."""
    assert isinstance(kind, type)
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in fields(kind) if not field.name.startswith("_")}


class _Reader:
    """Takes values off bytes, in order."""

    def __init__(self, data: memoryview) -> None:
        self._data = data
        self._at = 0

    def take(self, count: int) -> memoryview:
        """The next bytes. Raises WireError if there are fewer."""
        if not 0 <= count <= len(self._data) - self._at:
            raise WireError("the message is cut short")
        self._at += count
        return self._data[self._at - count : self._at]

    def finish(self) -> None:
        """Raise WireError if something is left."""
        if self._at != len(self._data):
            raise WireError("the message has something left over")

    def integer(self) -> int:
        """The next integer."""
        number: int = INTEGER.unpack(self.take(INTEGER.size))[0]
        return number

    def value(self, kind: Any) -> Any:
        """The next value of a type that a message or a `Layout` has."""
        if kind is int:
            return self.integer()
        if kind is str:
            return bytes(self.take(self.integer())).decode()
        if kind is Tensor:
            return self._tensor()
        if kind == IntArray:
            return self._tensor().numpy()
        if get_origin(kind) is tuple:
            item = get_args(kind)[0]
            return tuple(self.value(item) for _ in range(self._count()))
        return kind(**{name: self.value(inner) for name, inner in _wired(kind).items()})

    def _count(self) -> int:
        count = self.integer()
        if not 0 <= count <= len(self._data):
            raise WireError("a list is longer than its message")
        return count

    def _tensor(self) -> Tensor:
        dtype, dims = self.integer(), self.integer()
        if not (0 <= dtype < len(DTYPES) and 0 <= dims <= 4):
            raise WireError("an array of an unknown kind")
        shape = [self.integer() for _ in range(dims)]
        size = torch.empty(0, dtype=DTYPES[dtype]).element_size()
        if min(shape, default=0) < 0:
            raise WireError("an array of a negative size")
        count = int(np.prod(shape, dtype=object))
        raw = self.take(count * size)
        if not count:
            return torch.empty(shape, dtype=DTYPES[dtype])
        return torch.frombuffer(bytearray(raw), dtype=DTYPES[dtype]).view(shape)
