"""Weights in the order in which the kernels read them; mirrors ``src/gemm.h``."""

import ctypes
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from inference.quantization.int8 import quantize_weight
from inference.quantization.kernels import MAX_INPUTS

PANEL, CODES_STEP = 64, 64  # outputs of a panel; inputs are padded to a multiple


class WeightView(ctypes.Structure):
    """A packed weight as the kernels see it."""

    _fields_ = (
        ("codes", ctypes.c_void_p),
        ("scale", ctypes.c_void_p),
        ("bias", ctypes.c_void_p),
        ("inputs", ctypes.c_int64),
        ("outputs", ctypes.c_int64),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class PackedWeight:
    """int8 codes of a linear layer, moved up by 128, in panels of 64 outputs.

    Attributes:
        codes: [panels, inputs / 4, 64, 4] uint8.
        scale, bias: [panels * 64] float32, zero beyond the outputs.
    """

    codes: Tensor
    scale: Tensor
    bias: Tensor
    outputs: int

    @staticmethod
    def of(codes: Tensor, scale: Tensor, bias: Tensor | None = None) -> "PackedWeight":
        """Pack [N, K] int8 codes with [N] scales and biases.

        Raises:
            ValueError: more inputs than an exact int32 sum allows.
        """
        outputs, inputs = codes.shape
        if inputs > MAX_INPUTS:
            raise ValueError(f"an exact int32 sum takes at most {MAX_INPUTS} inputs")
        missing = -outputs % PANEL
        whole = F.pad(codes.to(torch.int16) + 128, (0, -inputs % CODES_STEP, 0, missing)).to(torch.uint8)
        panels = whole.view(-1, PANEL, whole.shape[1] // 4, 4).permute(0, 2, 1, 3).contiguous()
        bias = torch.zeros(outputs) if bias is None else bias.float()
        return PackedWeight(
            codes=panels, scale=F.pad(scale.float(), (0, missing)), bias=F.pad(bias, (0, missing)), outputs=outputs
        )

    @property
    def nbytes(self) -> int:
        """Bytes that the weight holds."""
        return self.codes.nbytes + self.scale.nbytes + self.bias.nbytes

    def view(self) -> WeightView:
        """As the kernels see it; valid while this object lives."""
        return WeightView(
            self.codes.data_ptr(),
            self.scale.data_ptr(),
            self.bias.data_ptr(),
            self.codes.shape[1] * 4,
            self.outputs,
        )


def pack_linears(*linears: Any) -> PackedWeight:
    """Quantize layers that read the same input, as one. Raises ValueError if they have too many inputs."""
    weight = torch.cat([linear.weight.detach().float() for linear in linears])
    return PackedWeight.of(*quantize_weight(weight), torch.cat([_bias(linear) for linear in linears]))


def pack_gated(gate: Any, up: Any) -> PackedWeight:
    """Quantize a gated product's two layers: 32 gates and their 32 ups in every panel."""
    weight = _interleave(gate.weight.detach().float(), up.weight.detach().float())
    bias = _interleave(_bias(gate)[:, None], _bias(up)[:, None])[:, 0]
    return PackedWeight.of(*quantize_weight(weight), bias)


def _bias(linear: Any) -> Tensor:
    return torch.zeros(linear.out_features) if linear.bias is None else linear.bias.detach().float()


def _interleave(gate: Tensor, up: Tensor) -> Tensor:
    """[F, K] twice to [2 F, K], F rounded up to 32 by rows of zeros."""
    half = PANEL // 2
    halves = [F.pad(rows, (0, 0, 0, -len(rows) % half)).view(-1, half, rows.shape[1]) for rows in (gate, up)]
    return torch.cat(halves, dim=1).view(-1, gate.shape[1])
