"""Single steps of the decoder over whole tensors; binds ``src/rows.cpp``. All tensors are contiguous."""

import ctypes

import torch
import torch.nn.functional as F
from torch import Tensor

from inference.native.library import FLOAT, INT, POINTER, bind
from inference.native.weights import CODES_STEP, PackedWeight


class CodesView(ctypes.Structure):
    """Quantized rows as the kernels see them."""

    _fields_ = (
        ("codes", ctypes.c_void_p),
        ("scale", ctypes.c_void_p),
        ("sum", ctypes.c_void_p),
        ("stride", ctypes.c_int64),
    )


class RowKernels:
    """What `inference.native.decoder` does to rows, step by step."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self._norm = bind(library, "assay_rms_norm", [POINTER, INT, INT, POINTER, FLOAT, POINTER])
        self._silu = bind(library, "assay_silu", [POINTER, INT, POINTER])
        self._quantize = bind(library, "assay_quantize_rows", [POINTER, INT, INT, POINTER, POINTER, POINTER])
        self._multiply = bind(library, "assay_multiply", [POINTER, INT, POINTER, POINTER])

    def rms_norm(self, x: Tensor, weight: Tensor, epsilon: float) -> Tensor:
        """[M, K] float32, each row divided by the root of its mean square, times [K]."""
        out = torch.empty_like(x)
        self._norm(x.data_ptr(), *x.shape, weight.data_ptr(), epsilon, out.data_ptr())
        return out

    def silu(self, x: Tensor) -> Tensor:
        """x / (1 + exp(-x)), float32."""
        out = torch.empty_like(x)
        self._silu(x.data_ptr(), x.numel(), out.data_ptr())
        return out

    def quantize(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """[M, K] float32 to int8 codes [M, K rounded up to 64], float32 scales [M] and int32 sums of codes [M]."""
        rows, width = x.shape
        codes = torch.empty(rows, -(-width // CODES_STEP) * CODES_STEP, dtype=torch.int8)
        scales, sums = torch.empty(rows), torch.empty(rows, dtype=torch.int32)
        self._quantize(x.data_ptr(), rows, width, codes.data_ptr(), scales.data_ptr(), sums.data_ptr())
        return codes, scales, sums

    def multiply(self, codes: Tensor, scales: Tensor, weight: PackedWeight) -> Tensor:
        """[M, K] int8 codes with [M] scales, times a weight: [M, N] float32."""
        padded = F.pad(codes, (0, -codes.shape[1] % CODES_STEP))
        sums, out = codes.sum(dim=1, dtype=torch.int32), torch.empty(len(codes), weight.outputs)
        left = CodesView(padded.data_ptr(), scales.data_ptr(), sums.data_ptr(), padded.shape[1])
        view = weight.view()
        self._multiply(ctypes.addressof(left), len(codes), ctypes.addressof(view), out.data_ptr())
        return out
