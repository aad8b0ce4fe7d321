"""What surrounds an integer product, in Triton: one pass before it, one after it.

Every operation is rounded by itself, as the separate operations of torch are: no division by an approximate
reciprocal, no multiplication fused with an addition.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

TINY = 1e-30  # as in `inference.quantization.int8`
COLUMNS = 256  # outputs that one program scales
NEAREST = 12_582_912.0  # 1.5 * 2**23: adding it leaves a float32 no fraction, so that it rounds to the nearest even


@triton.jit
def _quantize_rows(
    x, codes, scales, inputs,
    INVERSE: tl.constexpr, TINY: tl.constexpr, NEAREST: tl.constexpr, WIDTH: tl.constexpr,
):  # fmt: skip
    row, at = tl.program_id(0).to(tl.int64), tl.arange(0, WIDTH)
    real = at < inputs
    values = tl.load(x + row * inputs + at, mask=real, other=0.0).to(tl.float32)
    peak = tl.max(tl.abs(values), 0)
    scale = tl.maximum((peak * INVERSE).to(scales.dtype.element_ty).to(tl.float32), TINY).to(scales.dtype.element_ty)
    scaled = values * tl.div_rn(1.0, scale.to(tl.float32))
    tl.store(codes + row * inputs + at, ((scaled + NEAREST) - NEAREST).to(tl.int8), mask=real)
    tl.store(scales + row, scale)


@triton.jit
def _scale_sums(
    sums, channels, rows, bias, out, outputs, BIASED: tl.constexpr, COLUMNS: tl.constexpr,
):  # fmt: skip
    row, at = tl.program_id(0).to(tl.int64), tl.program_id(1) * COLUMNS + tl.arange(0, COLUMNS)
    real = at < outputs
    kind = out.dtype.element_ty
    value = tl.load(sums + row * outputs + at, mask=real, other=0).to(tl.float32)
    value = (value * tl.load(channels + at, mask=real, other=0.0)).to(kind).to(tl.float32)
    value = (value * tl.load(rows + row).to(tl.float32)).to(kind).to(tl.float32)
    if BIASED:
        value = (value + tl.load(bias + at, mask=real, other=0.0).to(tl.float32)).to(kind).to(tl.float32)
    tl.store(out + row * outputs + at, value.to(kind), mask=real)


def quantize_rows_triton(x: Tensor) -> tuple[Tensor, Tensor]:
    """[M, K] to int8 codes, not moved up, and [M, 1] scales, as `inference.quantization.int8.quantize_rows`."""
    rows, inputs = x.shape
    codes = torch.empty(rows, inputs, dtype=torch.int8, device=x.device)
    scales = torch.empty(rows, 1, dtype=x.dtype, device=x.device)
    width = triton.next_power_of_2(inputs)
    _quantize_rows[rows,](
        x, codes, scales, inputs,
        INVERSE=1.0 / 127.0, TINY=TINY, NEAREST=NEAREST, WIDTH=width, enable_fp_fusion=False,
    )  # fmt: skip
    return codes, scales


def scale_sums_triton(sums: Tensor, channels: Tensor, rows: Tensor, bias: Tensor | None) -> Tensor:
    """[M, N] int32 sums, [N] float32 and [M, 1] scales and an [N] bias to [M, N] in the row scales' dtype."""
    out = torch.empty(sums.shape, dtype=rows.dtype, device=sums.device)
    grid = (len(sums), triton.cdiv(sums.shape[1], COLUMNS))
    _scale_sums[grid](
        sums, channels, rows, channels if bias is None else bias, out, sums.shape[1],
        BIASED=bias is not None, COLUMNS=COLUMNS, enable_fp_fusion=False,
    )  # fmt: skip
    return out
