"""The head in float32, whatever the decoder's precision: a score must not be rounded to eight bits.

bfloat16 logits around 4 lie 0.03 apart. On a checkpoint whose scores lie close together that alone
cost 0.03 of AUROC (2026-11-23).
"""

import torch
from torch import Tensor, nn

from inference.quantization.rowwise import RowTiles

# A head of 64 tokens takes kilobytes. One of 150,000 tokens would double the memory of a small language
# model, whose logits are spread widely; it stays as it is.
MAX_BYTES = 64 << 20


class FloatHead(nn.Module):
    """Hidden states of any dtype to float32 logits; a row's bits are its own."""

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        super().__init__()
        linear = nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None, device="meta")
        linear.weight = nn.Parameter(weight.detach().to(torch.float32, copy=True), requires_grad=False)
        if bias is not None:
            linear.bias = nn.Parameter(bias.detach().to(torch.float32, copy=True), requires_grad=False)
        self.tiles = RowTiles(linear)

    def forward(self, x: Tensor) -> Tensor:
        """[..., hidden] to [..., V] float32."""
        rows = x.reshape(-1, x.shape[-1]).float()
        logits: Tensor = self.tiles(rows)
        return logits.view(*x.shape[:-1], -1)


def keep_head_exact(model: nn.Module, weight: Tensor) -> None:
    """Swap a decoder's head for a `FloatHead` over these weights, [V, hidden] as the checkpoint holds them."""
    if weight.numel() * 4 <= MAX_BYTES:
        bias = getattr(model.get_submodule("lm_head"), "bias", None)
        model.lm_head = FloatHead(weight, bias)
