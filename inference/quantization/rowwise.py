"""Linear layers whose every row has the same bits, whatever rows stand beside it.

A library's float matmul picks another kernel, and with it another order of summation, for another
count of rows. Here it always sees the same count.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

TILE_ROWS = 64


class TiledLinear(nn.Module):
    """`nn.Linear` over tiles of exactly `TILE_ROWS` rows, the last one filled up with zeros."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.weight = linear.weight
        self.bias = linear.bias

    def forward(self, x: Tensor) -> Tensor:
        """[..., K] to [..., N]."""
        rows = x.reshape(-1, x.shape[-1])
        tiles = -(-rows.shape[0] // TILE_ROWS)
        padded = F.pad(rows, (0, 0, 0, tiles * TILE_ROWS - rows.shape[0]))
        out = [F.linear(tile, self.weight, self.bias) for tile in torch.split(padded, TILE_ROWS)]
        return torch.cat(out)[: rows.shape[0]].reshape(*x.shape[:-1], -1)


def tile_linears(module: nn.Module) -> None:
    """Swap every `nn.Linear` below a module for its tiled form, in place."""
    for name, child in module.named_children():
        if isinstance(child, nn.Linear):
            setattr(module, name, TiledLinear(child))
        else:
            tile_linears(child)
