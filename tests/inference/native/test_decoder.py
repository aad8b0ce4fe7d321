"""A fused call gives the bits of its steps, one after the other."""

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn

from inference.native.decoder import Decoder, DecoderLayer, DecoderShape
from inference.native.rows import RowKernels
from inference.native.weights import PackedWeight, pack_gated, pack_linears
from inference.quantization.int8 import quantize_weight
from tests.inference.native import references

SHAPE = DecoderShape(hidden=100, heads=4, groups=2, size=24, inner=176, epsilon=1e-6)  # nothing a multiple of 64
ANGLES = torch.arange(600.0 * 24).view(600, 24)
COSINE, SINE = torch.cos(ANGLES), torch.sin(ANGLES)


class Linears:
    """The layers that a `DecoderLayer` is packed from."""

    def __init__(self) -> None:
        torch.manual_seed(3)
        self.projection = nn.Linear(100, 192)
        self.output, self.down = nn.Linear(96, 100), nn.Linear(176, 100)
        self.gate, self.up = nn.Linear(100, 176), nn.Linear(100, 176)
        self.input_norm, self.inner_norm, self.query_norm, self.key_norm = (torch.rand(n) for n in (100, 100, 24, 24))


@pytest.fixture(params=[1, 2])
def threads(request) -> Iterator[int]:
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


def decoder(library, linears: Linears, *, normed: bool = True) -> Decoder:
    layer = DecoderLayer(
        input_norm=linears.input_norm,
        query_norm=linears.query_norm if normed else None,
        key_norm=linears.key_norm if normed else None,
        inner_norm=linears.inner_norm,
        projection=pack_linears(linears.projection),
        output=pack_linears(linears.output),
        gate_up=pack_gated(linears.gate, linears.up),
        down=pack_linears(linears.down),
    )
    made = Decoder(library, SHAPE, [layer, layer])
    made.turn_by(COSINE, SINE)
    return made


def linear(kernels: RowKernels, x: Tensor, layer: nn.Linear) -> Tensor:
    codes, scales, _ = kernels.quantize(x.contiguous())
    return kernels.multiply(codes[:, : x.shape[1]], scales, PackedWeight.of(*quantize_weight(layer.weight), layer.bias))


def entered(kernels: RowKernels, states: Tensor, positions: Tensor, linears: Linears, *, normed: bool) -> Tensor:
    wide = linear(kernels, kernels.rms_norm(states, linears.input_norm, 1e-6), linears.projection)
    queries, keys, values = wide.view(-1, 8, 24).split([4, 2, 2], dim=1)
    if normed:
        queries, keys = (
            references.rms_norm(heads.reshape(-1, 24), weight, 1e-6).view(heads.shape)
            for heads, weight in ((queries, linears.query_norm), (keys, linears.key_norm))
        )
    turned = [references.turn(heads, COSINE[positions], SINE[positions]) for heads in (queries, keys)]
    return torch.cat([*turned, values.bfloat16()], dim=1)


def left(kernels: RowKernels, states: Tensor, attended: Tensor, linears: Linears) -> Tensor:
    states = states + linear(kernels, attended.float().view(-1, 96), linears.output)
    x = kernels.rms_norm(states, linears.inner_norm, 1e-6)
    inner = references.silu(linear(kernels, x, linears.gate)) * linear(kernels, x, linears.up)
    return states + linear(kernels, inner, linears.down)


def rows(count: int) -> tuple[Tensor, Tensor, Tensor]:
    draw = torch.Generator().manual_seed(count)
    attended = torch.randn(count, 4, 24, generator=draw).bfloat16()
    return torch.randn(count, 100, generator=draw), attended, torch.randint(0, 600, (count,), generator=draw)


@torch.inference_mode()
@pytest.mark.parametrize("normed", [True, False])
@pytest.mark.parametrize("count", [1, 2, 7, 16, 65, 300])
def test_from_one_attention_to_the_next(library, threads, count, normed):
    linears, kernels = Linears(), RowKernels(library)
    states, attended, positions = rows(count)
    expected_states = left(kernels, states, attended, linears)
    expected = entered(kernels, expected_states, positions, linears, normed=normed)

    projected = decoder(library, linears, normed=normed).advance(0, states, attended, positions)

    assert torch.equal(states, expected_states)
    assert torch.equal(projected, expected)


@torch.inference_mode()
def test_into_the_first_attention_and_out_of_the_last(library, threads):
    linears, kernels = Linears(), RowKernels(library)
    states, attended, positions = rows(65)
    expected = entered(kernels, states, positions, linears, normed=True)
    expected_states = left(kernels, states, attended, linears)
    made = decoder(library, linears)

    projected = made.project(states, positions)
    made.leave(1, states, attended)

    assert torch.equal(projected, expected)
    assert torch.equal(states, expected_states)


@torch.inference_mode()
def test_a_row_has_the_same_bits_in_every_batch(library, threads):
    made = decoder(library, Linears())
    states, attended, positions = rows(300)
    whole_states = states.clone()
    whole = made.advance(0, whole_states, attended, positions)

    for count in (1, 2, 5, 15, 16, 17, 127, 252, 253, 299):
        some = states[:count].clone()
        projected = made.advance(0, some, attended[:count].contiguous(), positions[:count])
        assert torch.equal(some, whole_states[:count])
        assert torch.equal(projected, whole[:count])
