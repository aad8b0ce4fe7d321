"""A generation that makes no sense cannot be asked for."""

import pytest

from inference.api import Choices, GenerateRequest, Sampling, TokenPosition


@pytest.mark.parametrize(
    ("settings", "refusal"),
    [
        ({"temperature": -0.1}, "zero or more"),
        ({"temperature": float("nan")}, "zero or more"),
        ({"top_k": 0}, "at least one token"),
        ({"top_p": 0.0}, "above 0"),
        ({"top_p": 1.5}, "at most 1"),
        ({"seed": -1}, "zero or more"),
    ],
)
def test_sampling_that_nothing_can_be_drawn_with_is_refused(settings, refusal):
    with pytest.raises(ValueError, match=refusal):
        Sampling(**settings)


@pytest.mark.parametrize("options", [(), ((1,), ()), ((1, 2), (1, 2))])
def test_a_closed_list_has_different_options_with_something_in_them(options):
    with pytest.raises(ValueError, match="closed list"):
        Choices(options)


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [({"record": ()}, "at least one position"), ({"max_tokens": 0}, "at least one"), ({"stop_texts": ("",)}, "empty")],
)
def test_a_generation_has_something_to_go_on_from_and_to_stop_at(changes, refusal):
    asked = {"id": "g", "model": "tiny", "namespace": "bank", "record": (TokenPosition(1),), "max_tokens": 8}
    with pytest.raises(ValueError, match=refusal):
        GenerateRequest(**asked | changes)
