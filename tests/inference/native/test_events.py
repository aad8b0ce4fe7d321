"""Packed events become the vectors of the event encoder, in an order of summation of their own."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from inference.encoders.events import CLIP, EventEncoder
from inference.native.events import EventKernel
from tests.checkpoints import SCHEMA
from tests.inference.engine.requests import events
from tests.inference.native import references


def encoder(hidden: int = 100) -> EventEncoder:
    torch.manual_seed(4)
    made = EventEncoder(SCHEMA, hidden).requires_grad_(requires_grad=False)
    made.mean.copy_(torch.tensor([0.5, -1.0, 2.0]))
    made.std.copy_(torch.tensor([0.3, 2.0, 1.5]))
    return made


def packed(count: int) -> Tensor:
    raw = b"".join(event.packed for event in events(count, seed=count))
    return torch.from_numpy(np.frombuffer(raw, dtype=np.uint8).copy()).view(count, -1)


def columns(rows: Tensor) -> tuple[Tensor, Tensor]:
    split = 4 * len(SCHEMA.numbers)
    return rows[:, :split].contiguous().view(torch.float32), rows[:, split:].contiguous().view(torch.int32).long()


def linear(x: Tensor, layer: nn.Linear) -> Tensor:
    sums = layer.bias.expand(len(x), -1)
    for k in range(layer.in_features):
        sums = references.fused(x[:, k : k + 1], layer.weight[:, k], sums)
    return sums


def reference(module: EventEncoder, numbers: Tensor, codes: Tensor) -> Tensor:
    missing = torch.isnan(numbers)
    values = ((numbers - module.mean) / module.std).clamp(-CLIP, CLIP).where(~missing, torch.tensor(0.0))
    first = linear(torch.cat([values, missing.float()], dim=1), module.numbers)
    for row in module.categories(codes + module.offsets).unbind(dim=1):
        first = first + row
    return first + linear(references.silu(linear(first, module.up)), module.down)


@pytest.mark.parametrize("count", [1, 2, 7, 24, 65])
def test_events_have_the_bits_of_the_reference(library, count):
    module, rows = encoder(), packed(count)

    assert torch.equal(EventKernel(library, module)(rows), reference(module, *columns(rows)))


def test_events_are_those_of_the_encoder(library):
    module, rows = encoder(), packed(300)

    torch.testing.assert_close(EventKernel(library, module)(rows), module(*columns(rows)), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("threads", [1, 2])
def test_an_event_has_the_same_bits_in_every_batch(library, threads):
    kernel, rows = EventKernel(library, encoder()), packed(100)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    whole = kernel(rows)

    different = [count for count in range(1, 101) if not torch.equal(kernel(rows[:count]), whole[:count])]

    torch.set_num_threads(before)
    assert different == []
