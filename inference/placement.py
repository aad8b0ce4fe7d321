"""Bringing a decoder to a device that is not the CPU, at the configured precision."""

import torch
from torch import nn
from transformers import PreTrainedModel

from inference.api import Precision
from inference.quantization.fp8 import quantize_linears_fp8, require_fp8
from inference.quantization.int8_cuda import choose_cuda_kernels
from inference.quantization.swap import quantize_linears


def place_on_device(model: PreTrainedModel, *, device: torch.device, precision: Precision) -> str:
    """Move a decoder, then quantize it where it will run; returns the kernel set's name.

    Latent attention keeps its expansion unquantized beside the quantized one: decode rows multiply by its halves
    (see `inference.engine.cuda.latent`).

    Raises:
        CheckpointRefused: the device does not multiply at this precision.
    """
    from inference.engine.cuda.latent import absorb_latents  # the engine's rooms import checkpoints

    if precision is Precision.FP8:
        require_fp8(device)
    nn.Module.to(model, device)  # the library's override is typed for its own class alone
    absorb_latents(model)
    if precision is Precision.FP8:
        quantize_linears_fp8(model)
        return "scaled_mm-rowwise"
    if precision is Precision.INT8:
        kernels = choose_cuda_kernels(device)
        quantize_linears(model, kernels=kernels)
        return kernels
    return "plain"
