"""Rows to int8 codes; binds ``src/quantize.cpp``."""

from ctypes import CDLL

import torch
from torch import Tensor

from inference.native.library import INT, POINTER, bind


class RowQuantizer:
    """`inference.quantization.int8.quantize_rows` in float32, with signed codes."""

    def __init__(self, library: CDLL) -> None:
        self._call = bind(library, "assay_quantize_rows", [POINTER, INT, INT, POINTER, POINTER, POINTER])

    def __call__(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """[M, K] float32, contiguous, to [M, K] int8 codes, [M] float32 scales and [M] int32 sums of the codes."""
        rows, width = x.shape
        codes = torch.empty(rows, width, dtype=torch.int8)
        scales, sums = torch.empty(rows), torch.empty(rows, dtype=torch.int32)
        self._call(x.data_ptr(), rows, width, codes.data_ptr(), scales.data_ptr(), sums.data_ptr())
        return codes, scales, sums
