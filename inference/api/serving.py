"""What every request may ask of its serving, and what every result says of it."""

from dataclasses import dataclass
from enum import IntEnum, StrEnum


class Priority(IntEnum):
    """Who goes first when not everybody can; a lower value goes first."""

    INTERACTIVE = 0
    NORMAL = 1
    BATCH = 2


class Precision(StrEnum):
    """Arithmetic of the linear layers."""

    FP32 = "fp32"
    FP16 = "fp16"
    BF16 = "bf16"
    INT8 = "int8"
    FP8 = "fp8"  # on CUDA alone


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRef:
    """Exactly what computed a result: the same ref and positions give the same bits for INT8 on CPU.

    Attributes:
        digest: sha256 over the checkpoint's files, hex.
        kernels: the kernel set the start-up self-test chose, e.g. ``onednn-u8s8``.
    """

    name: str
    digest: str
    precision: Precision
    kernels: str
