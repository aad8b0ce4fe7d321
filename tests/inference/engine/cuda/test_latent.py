"""Latent attention in its two forms within one step."""

import pytest
import torch

from inference.api import Precision
from inference.engine.cuda.latent import LatentAttention, absorb_latents
from inference.engine.cuda.layout import LayoutArrays
from inference.engine.work import Chunk
from tests.checkpoints import load
from tests.inference.engine.cuda.steps import place, runner
from tests.inference.engine.requests import ask, tokens


@pytest.mark.parametrize("family", ["deepseek_v2", "deepseek"])
@torch.inference_mode()
def test_a_record_is_expanded_and_what_follows_it_absorbed_in_one_step(checkpoints, family):
    reference, loaded = (load(checkpoints[family], Precision.FP32) for _ in range(2))
    assert absorb_latents(loaded.model) == 3
    record, going_on = place(loaded, ask(tokens(50, seed=1)), ask(tokens(21, seed=2)))
    device = runner(loaded, [record, going_on])
    device.run([Chunk(going_on, 0, 20)])
    built = LayoutArrays()
    built.add(Chunk(going_on, 20, 21), decodes_from=20)
    built.add(Chunk(record, 0, 50))
    layout = built.layout(device.staging.send(built.arrays(rows=64)), device.kv.pools)
    given = [going_on.prompt.tokens[20], *record.prompt.tokens[:50], *[0] * 13]
    positions = torch.tensor([20, *range(50), *[0] * 13])

    hidden = device.forward(device.embed(torch.tensor(given)), positions, layout)

    lines = [torch.from_numpy(line)[None] for line in (going_on.prompt.tokens[:21], record.prompt.tokens[:50])]
    expected = torch.stack([reference.model(line, use_cache=False).logits[0, -1] for line in lines])
    torch.testing.assert_close(device.head(hidden[[0, 50]]), expected, rtol=0.0, atol=2e-5)


def test_models_without_latents_stay_as_they_are(checkpoints):
    loaded = load(checkpoints["qwen3"], Precision.FP32)

    assert absorb_latents(loaded.model) == 0
    assert not any(isinstance(module, LatentAttention) for module in loaded.model.modules())
