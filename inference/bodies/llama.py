"""The body of the Llama family (Llama, Mistral, Qwen2, Qwen3): W8A8 products, everything else in float32.

The residual stream stays in float32 from the embeddings to the last norm; queries, keys and values are rounded to
bfloat16. A row's bits depend on its own states, its position and what it attends to.
"""

from collections.abc import Sequence
from ctypes import CDLL
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from inference.bodies.rotary import SERVED_ROTATIONS, RotaryTable
from inference.native.decoder import Decoder, DecoderLayer, DecoderShape
from inference.native.rows import RowKernels
from inference.native.weights import pack_gated, pack_linears
from inference.quantization.kernels import MAX_INPUTS

MODEL_TYPES = frozenset({"llama", "mistral", "qwen2", "qwen3"})
LAYER_KINDS = frozenset({"full_attention", "sliding_attention"})
LINEARS = ("q_proj", "k_proj", "v_proj", "o_proj")
GATED = ("gate_proj", "up_proj", "down_proj")


class Attend(Protocol):
    """Attention of one step, which also keeps the step's keys and values."""

    def __call__(
        self, layer: int, query: Tensor, key: Tensor, value: Tensor, *, wanted: Tensor | None = None
    ) -> Tensor:
        """[T, H, D], [T, G, D] and [T, G, D] bfloat16, turned by position, to [T, H, D] contiguous.

        Of rows beside ``wanted``, ascending, the answer is arbitrary; None wants all.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class LlamaBody:
    """Decoder layers and the norm behind them. Used by one thread.

    Attributes:
        library: that its kernels are of.
        scaling: multiplies q . k before the softmax.
        windows: for each layer the keys that a row sees up to itself; None for all.
    """

    library: CDLL
    decoder: Decoder
    rows: RowKernels
    rotary: RotaryTable
    norm: Tensor
    scaling: float
    windows: tuple[int | None, ...]

    @property
    def weight_bytes(self) -> int:
        """Bytes that the layers hold."""
        return self.decoder.nbytes + self.norm.nbytes

    def __call__(self, states: Tensor, positions: Tensor, attend: Attend, wanted: Tensor) -> Tensor:
        """Compute a packed batch.

        Args:
            states: [T, hidden] float32, contiguous; overwritten.
            positions: [T] int64 position ids.
            wanted: [W] int64 rows to return, ascending; from the last attention on no other row is computed.

        Returns:
            [W, hidden] float32, normed.
        """
        self.decoder.turn_by(*self.rotary.upto(int(positions.max()) + 1))
        projected, last = self.decoder.project(states, positions), len(self.decoder.layers) - 1
        for layer in range(last):
            attended = self._attended(layer, projected, attend)
            projected = self.decoder.advance(layer, states, attended, positions)
        attended = self._attended(last, projected, attend, wanted=wanted)[wanted]
        states = states[wanted]
        self.decoder.leave(last, states, attended)
        return self.rows.rms_norm(states, self.norm, self.decoder.shape.epsilon)

    def _attended(self, layer: int, projected: Tensor, attend: Attend, *, wanted: Tensor | None = None) -> Tensor:
        shape = self.decoder.shape
        query, key, value = torch.split(projected, [shape.heads, shape.groups, shape.groups], dim=1)
        return attend(layer, query, key, value, wanted=wanted)


def make_llama_body(model: PreTrainedModel, library: CDLL) -> LlamaBody | None:
    """Quantize a model's layers into a body; None where its layers are not what a body computes."""
    inner: Any = model.base_model
    if not _applies(model.config, inner):
        return None
    first = inner.layers[0].self_attn
    config: Any = model.config
    shape = DecoderShape(
        hidden=config.hidden_size,
        heads=config.num_attention_heads,
        groups=config.num_key_value_heads,
        size=first.head_dim,
        inner=config.intermediate_size,
        epsilon=config.rms_norm_eps,
    )
    return LlamaBody(
        library=library,
        decoder=Decoder(library, shape, [_layer(block) for block in inner.layers]),
        rows=RowKernels(library),
        rotary=RotaryTable(inner.rotary_emb),
        norm=_float(inner.norm),
        scaling=first.scaling,
        windows=tuple(_window(block.self_attn) for block in inner.layers),
    )


def _applies(config: Any, inner: Any) -> bool:
    return (
        config.model_type in MODEL_TYPES
        and config.hidden_act == "silu"
        and config.rope_parameters.get("rope_type") in SERVED_ROTATIONS
        and not set(getattr(config, "layer_types", None) or ()) - LAYER_KINDS
        and max(config.hidden_size, config.intermediate_size) <= MAX_INPUTS
        and all(_has_linears(block.self_attn, LINEARS) and _has_linears(block.mlp, GATED) for block in inner.layers)
    )


def _window(attention: Any) -> int | None:
    """Qwen's attention holds its layer's window; Mistral's looks up that of all layers."""
    if attention.config.model_type == "mistral":
        attention = attention.config
    return getattr(attention, "sliding_window", None)


def _has_linears(module: nn.Module, names: Sequence[str]) -> bool:
    return all(isinstance(getattr(module, name, None), nn.Linear) for name in names)


def _layer(block: Any) -> DecoderLayer:
    attention, mlp = block.self_attn, block.mlp
    return DecoderLayer(
        input_norm=_float(block.input_layernorm),
        query_norm=_float(getattr(attention, "q_norm", None)),
        key_norm=_float(getattr(attention, "k_norm", None)),
        inner_norm=_float(block.post_attention_layernorm),
        projection=pack_linears(attention.q_proj, attention.k_proj, attention.v_proj),
        output=pack_linears(attention.o_proj),
        gate_up=pack_gated(mlp.gate_proj, mlp.up_proj),
        down=pack_linears(mlp.down_proj),
    )


def _float(norm: Any) -> Any:
    return None if norm is None else norm.weight.detach().to(torch.float32, copy=True)
