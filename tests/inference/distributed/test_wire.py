"""What a message is after it was bytes, and which bytes are no message."""

import pickle
from typing import Any

import numpy as np
import pytest
import torch

from inference.config import SparsePattern
from inference.distributed.wire import Allocate, Forward, Load, Measure, Stop, WireError, Zero, decode, encode
from inference.engine.layout import Fan, Layout, Tile

LAYOUT = Layout(
    write_slots=torch.tensor([16, 17, 1]),
    read_slots=torch.tensor([16, 17]),
    tiles=(Tile(0, 16, 0, 128, 0, 1),),
    fans=(Fan(16, 4, 4, 0, 128, 7, 128), Fan(32, 2, 8, 0, 128, 7, 144)),
    packed=np.array([0, 1, 1]),
    home=np.array([0, 1, 0]),
    pattern=SparsePattern(sink=1, recent=4, stride=8),
)


@pytest.mark.parametrize("message", [Load('{"path": "/m", "name": "é"}'), Allocate(1, 512), Measure(0), Stop()])
def test_a_message_survives_the_wire(message):
    assert decode(encode(message)) == message


def test_a_batch_survives_the_wire_bit_by_bit():
    embedded = torch.tensor([[1.5, float("nan")], [-0.0, 3e-41]], dtype=torch.float32).bfloat16()

    heard: Any = decode(encode(Forward(2, LAYOUT, torch.tensor([0, 1, 0]), embedded, 3)))

    assert heard.model == 2
    assert torch.equal(heard.embedded.view(torch.int16), embedded.view(torch.int16))
    assert heard.layout.tiles == LAYOUT.tiles
    assert heard.layout.fans == LAYOUT.fans
    assert torch.equal(heard.layout.write_slots, LAYOUT.write_slots)
    assert heard.layout.pattern == LAYOUT.pattern
    assert heard.layout.packed.tolist() == [0, 1, 1]


def test_an_empty_array_keeps_its_shape():
    heard: Any = decode(encode(Zero(0, torch.empty(0, 64))))

    assert heard.blocks.shape == (0, 64)


@pytest.mark.parametrize("cut", [0, 1, 9, 16])
def test_a_message_that_was_cut_short_is_refused(cut):
    with pytest.raises(WireError):
        decode(encode(Load("settings"))[:cut])


def test_what_is_left_over_is_refused():
    with pytest.raises(WireError, match="left over"):
        decode(encode(Measure(0)) + b"\0")


def test_a_pickle_is_no_message():
    with pytest.raises(WireError):
        decode(pickle.dumps(Measure(0)))


@pytest.mark.parametrize("shape", [[2**62], [2**40, 2**40], [-1]])
def test_an_array_that_claims_more_than_it_brings_is_refused(shape):
    header = [0, len(shape), *shape]
    claim = bytes([3]) + b"".join(number.to_bytes(8, "little", signed=True) for number in [0, *header])

    with pytest.raises(WireError):
        decode(claim)
