"""Whether the native kernels serve in this process: they have to exist, and to give the reference's bits."""

import ctypes
import logging
from functools import cache
from pathlib import Path

import torch

from inference.config import EngineConfig
from inference.native.build import Unavailable, default_folder
from inference.native.library import open_library
from inference.native.rows import RowKernels
from inference.native.weights import PackedWeight
from inference.quantization.int8 import quantize_rows
from inference.quantization.kernels import ReferenceMultiplier

logger = logging.getLogger(__name__)
KERNEL_SET = "native-avx512"
# Inputs: few, and so many that a sum passes 2**24, where float32 begins to round.
PROBED_INPUTS = (320, 1408)


def native_library(config: EngineConfig) -> ctypes.CDLL | None:
    """The library, if the engine may use it and can; None means that the eager path serves."""
    if not config.native or config.device != "cpu":
        return None
    return _sound_library(config.native_dir or default_folder())


@cache
def _sound_library(folder: Path) -> ctypes.CDLL | None:
    try:
        library = open_library(folder)
    except Unavailable as reason:
        logger.warning("no native kernels: %s", reason)
        return None
    if not all(gives_the_references_bits(library, inputs) for inputs in PROBED_INPUTS):
        logger.error("native kernels differ from their reference")
        return None
    return library


def gives_the_references_bits(library: ctypes.CDLL, inputs: int) -> bool:
    """Whether rows are quantized and multiplied as by the reference in torch; takes milliseconds."""
    draw = torch.Generator().manual_seed(7)
    rows = RowKernels(library)
    weight = torch.randint(-127, 128, (96, inputs), generator=draw, dtype=torch.int8)
    weight[:2] = torch.tensor([[127], [-127]])
    x = torch.randn(100, inputs, generator=draw)
    x[:2] = torch.tensor([[1.0], [-1.0]])
    scale, (expected, expected_scales) = torch.rand(96, generator=draw), quantize_rows(x)
    codes, scales, _ = rows.quantize(x)
    product = rows.multiply(codes, scales, PackedWeight.of(weight, scale))
    exact = ReferenceMultiplier(weight, scale)(expected, torch.float32) * expected_scales
    return (
        torch.equal(codes[:, :inputs].int(), expected.int() - 128)
        and torch.equal(scales, expected_scales[:, 0])
        and torch.equal(product, exact)
    )
