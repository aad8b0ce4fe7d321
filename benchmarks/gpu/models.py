"""Qwen2-shaped models with random weights, made where they will run: no folder, no digest, no hour of copying."""

from typing import Any

import torch
from torch import nn
from transformers import Qwen2Config, Qwen2ForCausalLM

from inference.api import ModelRef, Precision
from inference.checkpoints import LoadedModel
from inference.placement import place_on_device
from inference.quantization.int8 import weight_bytes
from inference.quantization.kernels import choose_kernels
from inference.quantization.swap import quantize_linears

WINDOW = 1024
COMMON: dict[str, Any] = {"max_position_embeddings": WINDOW, "bos_token_id": None, "eos_token_id": None}
SHAPES: dict[str, dict[str, Any]] = {
    "tiny": {
        "hidden_size": 128, "intermediate_size": 256, "num_hidden_layers": 2, "num_attention_heads": 4,
        "num_key_value_heads": 2, "vocab_size": 512, "tie_word_embeddings": True,
    },
    "1.5b": {
        "hidden_size": 1536, "intermediate_size": 8960, "num_hidden_layers": 28, "num_attention_heads": 12,
        "num_key_value_heads": 2, "vocab_size": 151_936, "tie_word_embeddings": True,
    },
    "7b": {
        "hidden_size": 3584, "intermediate_size": 18_944, "num_hidden_layers": 28, "num_attention_heads": 28,
        "num_key_value_heads": 4, "vocab_size": 152_064, "tie_word_embeddings": False,
    },
}  # fmt: skip
DTYPES = {Precision.FP32: torch.float32, Precision.FP16: torch.float16}


def random_decoder(shape: str, *, device: torch.device, dtype: torch.dtype) -> Qwen2ForCausalLM:
    """The same weights for the same shape, whatever the dtype rounds of them."""
    torch.manual_seed(0)
    with torch.device("meta"):
        model: Any = Qwen2ForCausalLM(Qwen2Config(**COMMON | SHAPES[shape]))
    nn.Module.to_empty(model, device=device)
    for name, parameter in model.named_parameters():
        plain = "norm" in name
        drawn = torch.ones_like(parameter) if plain else torch.randn_like(parameter).mul_(0.03)
        parameter.data = drawn.to(dtype)
    model.tie_weights()
    rotary: Any = model.model.rotary_emb
    fresh = type(rotary)(model.config).to(device)  # its frequencies are no parameters, and were not made above
    model.model.rotary_emb = fresh
    decoder: Qwen2ForCausalLM = model.eval().requires_grad_(requires_grad=False)
    return decoder


def loaded(shape: str, precision: Precision, *, device: torch.device) -> LoadedModel:
    """A random model as `load_checkpoint` would hand it over. Raises CheckpointRefused where it would."""
    model = random_decoder(shape, device=device, dtype=DTYPES.get(precision, torch.bfloat16))
    kernels = "plain"
    if device.type != "cpu" or precision is Precision.FP8:
        kernels = place_on_device(model, device=device, precision=precision)
    elif precision is Precision.INT8:
        kernels = choose_kernels()
        quantize_linears(model, kernels=kernels)
    return LoadedModel(
        name=shape,
        ref=ModelRef(name=shape, digest="0" * 64, precision=precision, kernels=kernels),
        model=model,
        event_encoder=None,
        schema=None,
        window=WINDOW,
        weight_bytes=weight_bytes(model),
    )
