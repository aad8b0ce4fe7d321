"""Which part of a checkpoint a process keeps: its layers of the pipeline, its heads and channels of each layer.

Channels are divided by the family's own plan (`base_model_tp_plan`): a layer that is split by its outputs computes
its rows of the product alone; one that is split by its inputs computes a part of every sum, and the parts are added
over the shards. In INT8 those parts are exact int32 sums under one scale per token, the largest of all shards, so a
divided checkpoint gives the very bits of a whole one.
"""

import re
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import PreTrainedModel

from inference.api import CheckpointRefused, Precision
from inference.config import Parallel
from inference.distributed.links import Links, Place
from inference.quantization.int8 import quantize_weight, row_codes, row_peaks
from inference.quantization.kernels import ZERO_POINT, IntMmMultiplier, is_exact

# Styles of transformers' plans.
BY_OUTPUTS, BY_INPUTS = "colwise", "rowwise"
WHOLE = ("replicated", "replicated_with_grad_allreduce")


class InputDivided(nn.Module):
    """A linear layer of which this process has a part of the inputs; gives the whole layer's output to all shards."""

    def __init__(self, linear: nn.Linear, links: Links) -> None:
        super().__init__()
        self._links = links
        self.weight = nn.Parameter(_part(linear.weight, links.place, dim=1), requires_grad=False)
        bias: Tensor | None = linear.bias
        self.bias = None if bias is None else nn.Parameter(bias, requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        """[..., K / shards] to [..., N], the parts added in float32."""
        out = self._links.add(F.linear(x, self.weight).float()).to(x.dtype)
        return out if self.bias is None else out.add_(self.bias)


class InputDividedInt8(nn.Module):
    """`InputDivided` in W8A8, with the bits of a `QuantizedLinear` that has all inputs."""

    codes: Tensor
    scale: Tensor

    def __init__(self, linear: nn.Linear, links: Links) -> None:
        super().__init__()
        self._links = links
        codes, scale = quantize_weight(linear.weight.detach())
        self.register_buffer("codes", _part(codes, links.place, dim=1))
        self.register_buffer("scale", scale)
        bias: Tensor | None = linear.bias
        self._bias = None if bias is None else bias.detach().to(torch.bfloat16)
        self._sums = _int_mm if is_exact(IntMmMultiplier) else _int_products

    def forward(self, x: Tensor) -> Tensor:
        """[..., K / shards] to [..., N]."""
        rows = x.reshape(-1, x.shape[-1])
        peaks = self._links.peak(row_peaks(rows).float()).to(x.dtype)
        codes, scale = row_codes(rows, peaks)
        sums = self._links.add(self._sums(codes, self.codes))
        out = sums.float().mul_(self.scale).to(x.dtype).mul_(scale)
        whole = out if self._bias is None else out.add_(self._bias)
        return whole.view(*x.shape[:-1], -1)


def divide(model: PreTrainedModel, links: Links, *, precision: Precision) -> None:
    """Keep this process's part of a whole model, in place, before its linear layers are quantized.

    Raises:
        CheckpointRefused: see `check_divisible`.
    """
    check_divisible(model, links.place.parallel)
    keep_stage(model, links.place)
    if links.place.parallel.tensor > 1:
        keep_shard(model, links, precision=precision)


def check_divisible(model: PreTrainedModel, parallel: Parallel) -> None:
    """Raise CheckpointRefused if the family has no plan that is served, or something does not divide evenly."""
    body: Any = model.base_model
    layers = len(body.layers)
    if layers < parallel.pipeline:
        raise CheckpointRefused(f"{layers} layers cannot be divided among {parallel.pipeline} stages")
    if parallel.tensor == 1:
        return
    for name in ("num_attention_heads", "num_key_value_heads"):
        if getattr(model.config, name) % parallel.tensor:
            raise CheckpointRefused(f"{name} does not divide among {parallel.tensor} processes")
    styles = {}
    for name, module in model.base_model.named_modules():
        style = _style(model, name)
        if style in WHOLE:
            continue
        if not isinstance(module, nn.Linear) or style not in (BY_OUTPUTS, BY_INPUTS):
            raise CheckpointRefused(f"{name} is divided by {style}, which is not served; use pipeline stages instead")
        size = module.out_features if style == BY_OUTPUTS else module.in_features
        if size % parallel.tensor:
            raise CheckpointRefused(
                f"{name} has {size} channels, which do not divide among {parallel.tensor} processes"
            )
        styles[style] = name
    if len(styles) < 2:
        raise CheckpointRefused("this family has no plan to divide its layers by; use pipeline stages instead")


def keep_stage(model: PreTrainedModel, place: Place) -> None:
    """Keep a stage's layers; the last stage has the final norm, and the leader alone embeds and answers."""
    body: Any = model.base_model
    count, stages = len(body.layers), place.parallel.pipeline
    first, last = count * place.stage // stages, count * (place.stage + 1) // stages
    body.layers = nn.ModuleList(list(body.layers)[first:last])
    if not place.is_last_stage:
        body.norm = nn.Identity()


def drop_ends(model: PreTrainedModel) -> None:
    """Let go of a follower's embedding and head."""
    model.base_model.embed_tokens = nn.Identity()
    model.lm_head = nn.Identity()


def keep_shard(model: PreTrainedModel, links: Links, *, precision: Precision) -> None:
    """Keep a shard's heads and channels of every layer that is left."""
    divided = InputDividedInt8 if precision is Precision.INT8 else InputDivided
    for name, module in list(model.base_model.named_modules()):
        style = _style(model, name)
        if style == BY_OUTPUTS:
            _keep_outputs(module, links.place)
        elif style == BY_INPUTS:
            model.base_model.set_submodule(name, divided(module, links))


def _style(model: PreTrainedModel, name: str) -> str:
    plan: dict[str, str] = model.config.base_model_tp_plan or {}
    return plan.get(re.sub(r"\.\d+\.", ".*.", name), WHOLE[0])


def _keep_outputs(linear: nn.Linear, place: Place) -> None:
    linear.weight = nn.Parameter(_part(linear.weight, place, dim=0), requires_grad=False)
    linear.out_features = linear.weight.shape[0]
    if linear.bias is not None:
        linear.bias = nn.Parameter(_part(linear.bias, place, dim=0), requires_grad=False)


def _part(tensor: Tensor, place: Place, *, dim: int) -> Tensor:
    return tensor.detach().chunk(place.parallel.tensor, dim=dim)[place.shard].clone()


def _int_mm(codes: Tensor, weight: Tensor) -> Tensor:
    signed = codes.bitwise_xor(ZERO_POINT).view(torch.int8)
    return torch._int_mm(signed, weight.t())  # noqa: SLF001 - torch has no public name for it


def _int_products(codes: Tensor, weight: Tensor) -> Tensor:
    return (codes.int() - ZERO_POINT) @ weight.t().int()
