"""Requests laid into blocks, with random queries, keys and values for every position; and what each may see."""

import numpy as np
import torch
from torch import Tensor

from inference.config import DENSE, SparsePattern
from inference.engine.answering import Answering
from inference.engine.prompt import lay_out
from inference.engine.work import Work
from tests.inference.engine.requests import ask, tokens

Heads = tuple[int, int, int]  # query heads, key heads, head size
HEADS: Heads = (4, 2, 64)


def make_work(record: int, *suffixes: int, first_block: int = 1) -> Work:
    """A request whose blocks lie in descending order, so that nothing works by luck."""
    request = ask(tokens(record, seed=1), *(tokens(length, seed=2) for length in suffixes))
    prompt = lay_out(request, schema=None, window=8192, vocabulary=64)
    task = Answering(request, prompt)
    work = Work(request=request, prompt=prompt, task=task, salt=b"", keys=[], arrival=0, submitted_at=0.0)
    work.place(list(range(first_block + work.total_blocks - 1, first_block - 1, -1)))
    return work


def states(work: Work, dtype: torch.dtype, *, heads: Heads = HEADS) -> tuple[Tensor, Tensor, Tensor]:
    """Queries [1, H, P, D], keys and values [1, G, P, D]; a question's depend on its length and on nothing else."""
    query_heads, groups, size = heads
    lengths = [stop - start for start, stop in work.prompt.branches]
    parts = [
        torch.randn(length, query_heads + 2 * groups, size, generator=torch.Generator().manual_seed(seed))
        for length, seed in [(work.prompt.record, 0), *((length, length) for length in lengths)]
    ]
    rows = torch.cat(parts).to(dtype)
    query, key, value = rows.transpose(0, 1).unsqueeze(0).tensor_split((query_heads, query_heads + groups), dim=1)
    return query, key, value


def visible(work: Work, *, window: int | None = None, pattern: SparsePattern = DENSE) -> Tensor:
    """[P, P] bool: which positions in line each position may attend to."""
    prompt, at = work.prompt, np.arange(work.prompt.total)
    branch = np.zeros(len(at), dtype=int)
    for index, (start, stop) in enumerate(prompt.branches):
        branch[start:stop] = index + 1
    seen = (at[None] <= at[:, None]) & ((branch[None] == 0) | (branch[None] == branch[:, None]))
    ids = prompt.position_ids
    if window:
        seen &= ids[None] > ids[:, None] - window
    if pattern.recent:
        tile, own = ids[None] // 128, ids[:, None] // 128
        shown = (tile < pattern.sink) | (own - tile < pattern.recent)
        if pattern.stride:
            shown |= tile % pattern.stride == 0
        asked = (branch[:, None] > 0) & (tile >= max(prompt.record - 1, 0) // 128)
        seen &= shown | asked
    return torch.from_numpy(seen)


def masked_attention(query: Tensor, key: Tensor, value: Tensor, mask: Tensor) -> Tensor:
    """[P, H, D] by torch, scaled by the root of the head size."""
    out = torch.nn.functional.scaled_dot_product_attention(query, key, value, mask, enable_gqa=True)
    return out[0].transpose(0, 1)
