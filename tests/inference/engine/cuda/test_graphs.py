"""Decode over static buffers, as a graph would replay it, against the unmodified model."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch

from inference.api import Precision
from inference.checkpoints import LoadedModel
from inference.engine.cuda.graphs import DecodeGraphs
from inference.engine.cuda.latent import absorb_latents
from inference.engine.work import Chunk, Work
from tests.checkpoints import load
from tests.inference.engine.cuda.steps import place, runner
from tests.inference.engine.requests import ask, tokens

LENGTHS = (33, 40, 64, 70, 120)
FAMILIES = ["llama", "qwen3", "deepseek_v2", "deepseek"]


@torch.inference_mode()
def expected_logits(loaded: LoadedModel, works: Sequence[Work]) -> torch.Tensor:
    """[B, V] of the unmodified model after each record."""
    lines = [torch.from_numpy(work.prompt.tokens[: work.prompt.record])[None] for work in works]
    return torch.stack([loaded.model(line, use_cache=False).logits[0, -1] for line in lines])


def decoded(graphs: DecodeGraphs, works: Sequence[Work], steps: int) -> torch.Tensor:
    """[B, hidden] after the last of so many decode steps, which end where the records do."""
    hidden = torch.empty(0)
    for step in range(steps):
        at = [work.prompt.record - steps + step for work in works]
        given = np.array([work.prompt.tokens[place] for work, place in zip(works, at, strict=True)])
        hidden = graphs.run(given, [work.slots[: place + 1] for work, place in zip(works, at, strict=True)])
    return hidden


@pytest.mark.parametrize("family", FAMILIES)
def test_decoding_in_buckets_gives_the_unmodified_models_logits(checkpoints, family):
    reference = load(checkpoints[family], Precision.FP32)
    loaded = load(checkpoints[family], Precision.FP32)
    absorb_latents(loaded.model)
    works = place(loaded, *(ask(tokens(length, seed=length)) for length in LENGTHS))
    device = runner(loaded, works)
    device.run([Chunk(work, 0, work.prompt.record - 3) for work in works])
    graphs = DecodeGraphs(device, window=128, buckets=(1, 4, 8))

    hidden = decoded(graphs, works, 3)

    torch.testing.assert_close(device.head(hidden), expected_logits(reference, works), rtol=0.0, atol=2e-5)


def test_a_batch_beyond_the_largest_bucket_is_cut(checkpoints):
    loaded = load(checkpoints["qwen3"], Precision.FP32)
    works = place(loaded, *(ask(tokens(length, seed=length)) for length in LENGTHS))
    device = runner(loaded, works)
    device.run([Chunk(work, 0, work.prompt.record - 1) for work in works])

    whole = decoded(DecodeGraphs(device, window=128, buckets=(8,)), works, 1)
    cut = decoded(DecodeGraphs(device, window=128, buckets=(1, 2)), works, 1)

    torch.testing.assert_close(cut, whole, rtol=0.0, atol=1e-5)


def test_rows_that_fill_a_bucket_touch_no_other_block(checkpoints):
    loaded = load(checkpoints["qwen3"], Precision.FP32)
    [work] = place(loaded, ask(tokens(33, seed=1)))
    device = runner(loaded, [work])
    device.run([Chunk(work, 0, 32)])
    before = {layer: pool.clone() for layer, (pool, _) in device.kv.pools.items()}

    decoded(DecodeGraphs(device, window=128, buckets=(8,)), [work], 1)

    changed = (before[0] != device.kv.pools[0][0]).any(dim=(0, 2)).nonzero().flatten().tolist()
    assert changed == [1, int(work.slots[32])]  # the sink, and the new position


@pytest.mark.parametrize(("count", "bucket"), [(1, 1), (2, 2), (3, 4), (4, 4), (5, 8), (9, 8)])
def test_a_batch_takes_the_smallest_bucket_that_holds_it(checkpoints, count, bucket):
    loaded = load(checkpoints["qwen3"], Precision.FP32)

    graphs = DecodeGraphs(runner(loaded, []), window=64, buckets=(8, 1, 4, 2))

    assert graphs.bucket(count) == bucket


def test_away_from_cuda_nothing_is_captured(checkpoints):
    graphs = DecodeGraphs(runner(load(checkpoints["qwen3"], Precision.FP32), []), window=64)

    graphs.capture(memory_mb=64)

    assert graphs.captured == ()
