"""Multi-head latent attention whose decode rows never expand the context.

DeepSeek's cache holds a latent and a rotary key for each position. The library expands every cached latent into
keys and values of all heads; for one new row that is nearly all of the work. Products may be taken in another
order: the query goes through the key half of the expansion, attends to latents as if they were one key head, and
what comes out goes through the value half. A context is then read once, as it lies in the pool.
"""

import sys
from typing import Any

import torch
from torch import Tensor, nn

from inference.engine.cuda.attention import DeviceKV, device_attention
from inference.engine.cuda.decode import paged_decode
from inference.engine.cuda.layout import Decode, DeviceLayout


class LatentAttention(nn.Module):
    """Stands where a DeepSeek attention module stood; made before its linear layers are quantized."""

    def __init__(self, inner: Any) -> None:
        super().__init__()
        self.inner = inner
        self.layer_idx = inner.layer_idx
        halves = (inner.qk_nope_head_dim, inner.v_head_dim)
        expansion = inner.kv_b_proj.weight.detach().unflatten(0, (inner.num_heads, sum(halves)))
        keys, values = expansion.split(halves, dim=1)
        self.keys = nn.Parameter(keys.contiguous(), requires_grad=False)  # [H, nope, rank]
        self.values = nn.Parameter(values.transpose(1, 2).contiguous(), requires_grad=False)  # [H, rank, E]

    def forward(
        self,
        hidden_states: Tensor,
        position_embeddings: Any,
        attention_mask: Tensor | None = None,
        past_key_values: DeviceKV | None = None,
        *,
        layout: DeviceLayout,
        **_kwargs: Any,
    ) -> tuple[Tensor, None]:
        """[1, T, hidden] to [1, T, hidden]; see `device_attention` for the layout."""
        assert past_key_values is not None, "latents are read from the pool"
        inner = self.inner
        query, rotary, latent, key = self._project(hidden_states, position_embeddings)
        latents, keys = past_key_values.update(latent, key, inner.layer_idx)
        decode, out = layout.decode, None
        if decode is not None:
            pools = layout.pools[inner.layer_idx]
            out = self._decode(query[0].transpose(0, 1), rotary[0].transpose(0, 1), pools, decode)
        if layout.ragged is not None:
            whole_keys, whole_values = inner.expand_kv(latents, keys)
            whole_query = torch.cat((query, rotary), dim=-1)
            sequences = DeviceLayout(write_slots=layout.write_slots, ragged=layout.ragged, decode=None)
            whole, _ = device_attention(
                inner, whole_query, whole_keys, whole_values, attention_mask, layout=sequences, scaling=inner.scaling
            )
            if decode is not None and decode.rows is not None and out is not None:
                whole[0, decode.rows] = out
            out = whole[0]
        assert out is not None
        return inner.o_proj(out.reshape(1, len(out), -1)), None

    def _project(self, x: Tensor, position_embeddings: Any) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Queries [1, H, T, nope] and their rotary part, a latent [1, 1, T, rank] and its rotary key."""
        inner = self.inner
        halves = (inner.qk_nope_head_dim, inner.qk_rope_head_dim)
        flat = inner.q_proj(x) if inner.q_lora_rank is None else inner.q_b_proj(inner.q_a_layernorm(inner.q_a_proj(x)))
        query, rotary = flat.unflatten(-1, (inner.num_heads, -1)).transpose(1, 2).split(halves, dim=-1)
        latent, key = inner.kv_a_proj_with_mqa(x).split((inner.kv_lora_rank, inner.qk_rope_head_dim), dim=-1)
        rotary, key = _rotate(inner, rotary, key.unsqueeze(1), position_embeddings)
        return query, rotary, inner.kv_a_layernorm(latent).unsqueeze(1), key

    def _decode(self, query: Tensor, rotary: Tensor, pools: tuple[Tensor, Tensor], decode: Decode) -> Tensor:
        """[B, H, E] of the decode rows, from queries [T, H, nope] and [T, H, rope]."""
        if decode.rows is not None:
            query, rotary = query[decode.rows], rotary[decode.rows]
        absorbed = torch.einsum("bhn,hnr->bhr", query, self.keys)
        latents, keys = pools
        rope, scale = (rotary, keys), self.inner.scaling
        mixed = paged_decode(absorbed, latents, latents, decode.tables, decode.lengths, scale=scale, rope=rope)
        return torch.einsum("bhr,hre->bhe", mixed, self.values)


def absorb_latents(model: nn.Module) -> int:
    """Put `LatentAttention` wherever a model attends to latents; returns in how many layers."""
    layers: Any = model.get_submodule("model.layers")
    latent = [layer for layer in layers if hasattr(layer.self_attn, "kv_b_proj")]
    for layer in latent:
        layer.self_attn = LatentAttention(layer.self_attn)
    return len(latent)


def _rotate(inner: Any, query: Tensor, key: Tensor, positions: Any) -> tuple[Tensor, Tensor]:
    """Both rotated, by the functions of the module's own architecture."""
    library = sys.modules[type(inner).__module__]
    if not isinstance(positions, tuple):  # DeepSeek-V2's are complex numbers
        rotated: tuple[Tensor, Tensor] = library.apply_rotary_emb(query, key, positions.to(query.device))
        return rotated
    apply = library.apply_rotary_pos_emb_interleave if inner.config.rope_interleave else library.apply_rotary_pos_emb
    both: tuple[Tensor, Tensor] = apply(query, key, *positions)
    return both
