"""From typed fields to vectors."""

import pytest
import torch

from inference.api import CategoryField, EventSchema
from inference.encoders.events import EventEncoder

SCHEMA = EventSchema(
    version="t",
    numbers=("a", "b"),
    categories=(CategoryField(name="x", size=3), CategoryField(name="y", size=4)),
)


@pytest.fixture
def encoder():
    torch.manual_seed(0)
    return EventEncoder(SCHEMA, 16).eval()


def rows(count, seed=0):
    generator = torch.Generator().manual_seed(seed)
    codes = torch.stack([torch.randint(0, size, (count,), generator=generator) for size in (3, 4)], dim=1)
    return torch.randn(count, 2, generator=generator), codes


def test_an_events_vector_depends_on_its_own_fields_alone(encoder):
    numbers, codes = rows(9)
    whole = encoder(numbers, codes)
    numbers[:4], codes[:4] = torch.nan, 0

    torch.testing.assert_close(encoder(numbers, codes)[4:], whole[4:], rtol=0.0, atol=0.0)


def test_a_missing_number_is_not_a_zero(encoder):
    codes = torch.zeros(2, 2, dtype=torch.int64)
    vectors = encoder(torch.tensor([[torch.nan, 1.0], [0.0, 1.0]]), codes)

    assert not vectors.isnan().any()
    assert not torch.equal(vectors[0], vectors[1])


def test_the_same_code_of_two_fields_is_two_rows(encoder):
    numbers = torch.zeros(2, 2)
    vectors = encoder(numbers, torch.tensor([[1, 0], [0, 1]]))

    assert not torch.equal(vectors[0], vectors[1])


def test_numbers_are_standardised_and_clipped(encoder):
    encoder.mean.copy_(torch.tensor([10.0, 0.0]))
    encoder.std.copy_(torch.tensor([2.0, 1.0]))
    codes = torch.zeros(3, 2, dtype=torch.int64)

    far, further, mean = encoder(torch.tensor([[22.0, 0.0], [1e30, 0.0], [10.0, 0.0]]), codes)

    assert torch.equal(far, further)
    assert not torch.equal(far, mean)


def test_no_events_make_no_vectors(encoder):
    numbers, codes = rows(0)

    assert encoder(numbers, codes).shape == (0, 16)


def test_its_buffers_travel_with_its_weights(encoder):
    assert {"mean", "std"} <= set(encoder.state_dict())
    assert "offsets" not in encoder.state_dict()
