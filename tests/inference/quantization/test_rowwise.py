"""Tiles give what the module itself gives, with bits that do not depend on the other rows."""

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from inference.encoders.events import EventEncoder
from inference.quantization.rowwise import RowTiles
from tests.checkpoints import SCHEMA


@pytest.fixture(params=[1, 2, 3])
def threads(request) -> Iterator[int]:
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


def encoder(hidden_size: int) -> EventEncoder:
    torch.manual_seed(4)
    return EventEncoder(SCHEMA, hidden_size).requires_grad_(requires_grad=False)


def events(count: int) -> tuple[Tensor, Tensor]:
    draw = torch.Generator().manual_seed(9)
    numbers = torch.randn(count, 3, generator=draw)
    numbers[::5, 1] = torch.nan
    return numbers, torch.randint(0, 4, (count, 3), generator=draw)


@pytest.mark.parametrize("hidden_size", [128, 256, 448])
def test_an_events_bits_do_not_depend_on_its_batch_or_the_threads(hidden_size, threads):
    numbers, codes = events(70)
    tiled = RowTiles(encoder(hidden_size))
    alone = torch.cat([tiled(numbers[[row]], codes[[row]]) for row in range(70)])

    different = [
        count for count in range(1, 71) if not torch.equal(tiled(numbers[:count], codes[:count]), alone[:count])
    ]

    assert different == []


def test_tiles_give_what_the_plain_module_gives():
    torch.testing.assert_close(RowTiles(encoder(128))(*events(65)), encoder(128)(*events(65)))


def test_no_rows_give_no_rows():
    assert RowTiles(encoder(128))(*events(0)).shape == (0, 128)
