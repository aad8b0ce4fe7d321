"""Generation on the device's step, on a CPU, against the unmodified model's likeliest tokens."""

import pytest
import torch

from inference.api import GenerateRequest, Precision
from inference.checkpoints import LoadedModel
from inference.engine.cuda.latent import absorb_latents
from inference.engine.cuda.runner import DeviceRunner
from inference.engine.generation.desk import Desk
from inference.engine.prompt import lay_out_growing
from inference.engine.work import Chunk, Work
from tests.checkpoints import load
from tests.inference.engine.requests import tokens

RECORD, TOKENS = 21, 12


def generation(loaded: LoadedModel, *, speculate: bool) -> Work:
    """A generation behind a record that repeats itself, so that there is something to guess from."""
    record = tokens(7, seed=3) * 3
    request = GenerateRequest(
        id="r", model="tiny", namespace="bank", record=record, max_tokens=TOKENS, stop_tokens=frozenset(),
        speculate=speculate,
    )  # fmt: skip
    prompt = lay_out_growing(request, schema=None, window=128, vocabulary=64)
    task = Desk(loaded, vocabulary=64).task(request, prompt, None)
    work = Work(request=request, prompt=prompt, task=task, salt=b"", keys=[], arrival=0, submitted_at=0.0)
    work.place([3, 1, 2])
    return work


def written(device: DeviceRunner, work: Work) -> list[int]:
    """All tokens, a step at a time."""
    while not work.finished:
        stop = work.prompt.total
        readout, [rows] = device.run([Chunk(work, work.done, stop)])
        work.task.read(readout, rows, 0.0)
        work.done = work.task.settle(stop)
    generated: list[int] = work.prompt.tokens[RECORD : RECORD + TOKENS].tolist()
    return generated


@torch.inference_mode()
def likeliest(loaded: LoadedModel, work: Work) -> list[int]:
    """By the library, the whole line anew for every token."""
    line: list[int] = work.prompt.tokens[:RECORD].tolist()
    for _ in range(TOKENS):
        line.append(int(loaded.model(torch.tensor([line]), use_cache=False).logits[0, -1].argmax()))
    return line[RECORD:]


@pytest.mark.parametrize("speculate", [False, True])
@pytest.mark.parametrize("family", ["qwen3", "deepseek_v2", "deepseek"])
def test_tokens_are_the_unmodified_models(checkpoints, family, speculate):
    reference, loaded = (load(checkpoints[family], Precision.FP32) for _ in range(2))
    absorb_latents(loaded.model)
    work = generation(loaded, speculate=speculate)
    expected = likeliest(reference, work)
    device = DeviceRunner(loaded)
    device.allocate(3)

    assert written(device, work) == expected
