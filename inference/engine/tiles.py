"""Attention over gathered contexts in torch: canonical tiles, and fans of short questions.

See `inference.engine.layout` for why they fix a row's bits. What a row sees beside its own tile, a window or a
sparse pattern, depends on absolute positions only, and so do the keys it is multiplied with.
"""

from functools import cache, lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

from inference.engine.layout import ROWS, Fan, Tile
from inference.engine.sight import TILE, Sight


@cache
def _causal(dtype: torch.dtype, device: torch.device) -> Tensor:
    """[TILE + ROWS, TILE]: row r of a tile sees keys 0 to r of it. Padding rows beyond see all."""
    mask = torch.full((TILE, TILE), float("-inf")).triu_(1)
    return F.pad(mask, (0, 0, 0, ROWS)).to(device=device, dtype=dtype)


@lru_cache(maxsize=512)
def _seen_by_tile(own: int, tiles: tuple[int, ...], sight: Sight, dtype: torch.dtype, device: torch.device) -> Tensor:
    """[TILE + ROWS, keys of those tiles] to add to scores; padding rows beyond the tile see all."""
    positions = own * TILE + torch.arange(TILE)
    keys = (torch.tensor(tiles)[:, None] * TILE + torch.arange(TILE)).reshape(-1)
    hidden = (keys > positions[:, None]) | (keys <= positions[:, None] - sight.reach)
    mask = torch.zeros(TILE, len(keys)).masked_fill_(hidden, float("-inf"))
    return F.pad(mask, (0, 0, 0, ROWS)).to(device=device, dtype=dtype)


@lru_cache(maxsize=64)
def _seen_by_fan(width: int, record: int, tiles: tuple[int, ...], sight: Sight, device: torch.device) -> Tensor:
    """[width, keys of those tiles] to add to a question's scores over the record."""
    positions = record + torch.arange(width)
    by_tile = torch.tensor([[tile in sight.tiles_of_question(int(at), record) for tile in tiles] for at in positions])
    keys = (torch.tensor(tiles)[:, None] * TILE + torch.arange(TILE)).reshape(-1)
    hidden = (keys >= record) | (keys <= positions[:, None] - sight.reach) | ~by_tile.repeat_interleave(TILE, dim=1)
    return torch.zeros(width, len(keys)).masked_fill_(hidden, float("-inf")).to(device)


def _select(states: Tensor, keys_at: int, tiles: tuple[int, ...]) -> Tensor:
    """[G, C, D] to [G, keys of those tiles, D]; without a copy where they are neighbours."""
    if tiles[-1] - tiles[0] == len(tiles) - 1:
        return states[:, keys_at + tiles[0] * TILE : keys_at + (tiles[-1] + 1) * TILE]
    return torch.cat([states[:, keys_at + tile * TILE : keys_at + (tile + 1) * TILE] for tile in tiles], dim=1)


def attend_tile(tile: Tile, sight: Sight, query: Tensor, key: Tensor, value: Tensor, out: Tensor) -> None:
    """One tile's [G, rows * H / G, D] into ``out``."""
    own = tile.keys // TILE - 1
    tiles = sight.tiles_of_row(own, tile.whole_from)
    scores = torch.bmm(query, _select(key, tile.keys_at, tiles).transpose(1, 2))
    by_row = scores.view(scores.shape[0], tile.rows, -1, scores.shape[2])
    rows = slice(tile.first, tile.first + tile.rows)
    if sight.window is None:
        by_row[..., -TILE:] += _causal(query.dtype, query.device)[rows, None]
    else:
        by_row += _seen_by_tile(own, tiles, sight, query.dtype, query.device)[rows, None]
    weights = torch.softmax(scores, dim=-1)  # of bf16 too, torch's CPU softmax is taken in float32
    torch.bmm(weights, _select(value, tile.keys_at, tiles), out=out)


def attend_fan(fan: Fan, sight: Sight, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """All questions of a request: [G, branches * width * H / G, D] to [..., E].

    The record's keys are multiplied by all questions at once; the few keys of a question by itself, in
    float32, and its softmax spans both. So an answer does not depend on which others are asked for.
    """
    groups, rows, _ = query.shape
    own_stop, held = fan.own_at + fan.branches * fan.width, fan.keys - TILE + fan.last + 1
    tiles = sight.tiles_of_questions(held, fan.width)
    record = torch.bmm(query, _select(key, fan.keys_at, tiles).transpose(1, 2)).float()
    of_record = record.shape[2]
    if sight.everything:
        record[..., -TILE:] += _causal(torch.float32, query.device)[fan.last]
    else:
        seen = _seen_by_fan(fan.width, held, tiles, sight, query.device)
        record.view(groups, fan.branches, fan.width, -1, of_record).add_(seen[:, None])
    own = _own_scores(fan, sight, query, key[:, fan.own_at : own_stop])
    weights = torch.softmax(torch.cat([record, own.view(groups, rows, -1)], dim=-1), dim=-1)
    out = torch.bmm(weights[..., :of_record].to(value.dtype), _select(value, fan.keys_at, tiles))
    own_value = value[:, fan.own_at : own_stop].reshape(groups * fan.branches, fan.width, -1).float()
    near = torch.bmm(weights[..., of_record:].reshape(own.shape), own_value)
    return (out.float() + near.view(out.shape)).to(value.dtype)


def _own_scores(fan: Fan, sight: Sight, query: Tensor, key: Tensor) -> Tensor:
    """Questions with themselves, float32: [G * branches, width * H / G, width]."""
    groups, rows, _ = query.shape
    own_key = key.reshape(groups * fan.branches, fan.width, -1).float()
    own_query = query.reshape(groups * fan.branches, rows // fan.branches, -1).float()
    own = torch.bmm(own_query, own_key.transpose(1, 2))
    at = torch.arange(fan.width, device=query.device)
    hidden = (at > at[:, None]) | (at <= at[:, None] - sight.reach)
    own.view(len(own), fan.width, -1, fan.width).masked_fill_(hidden[:, None], float("-inf"))
    return own


def attend_tile_sdpa(tile: Tile, sight: Sight, query: Tensor, key: Tensor, value: Tensor, out: Tensor) -> None:
    """`attend_tile` by torch's own kernel, for devices where the tiles' bits are not promised."""
    own = tile.keys // TILE - 1
    tiles = sight.tiles_of_row(own, tile.whole_from)
    seen = _seen_by_tile(own, tiles, sight, query.dtype, query.device)[tile.first : tile.first + tile.rows]
    mask = seen.repeat_interleave(query.shape[1] // tile.rows, dim=0)
    keys, values = _select(key, tile.keys_at, tiles), _select(value, tile.keys_at, tiles)
    out.copy_(F.scaled_dot_product_attention(query[None], keys[None], values[None], attn_mask=mask, scale=1.0)[0])
