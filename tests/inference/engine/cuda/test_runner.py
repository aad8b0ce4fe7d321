"""The device's step, on a CPU, against the unmodified model."""

from itertools import pairwise

import pytest

from inference.api import Precision, TokenPosition
from inference.engine.work import Chunk
from tests.checkpoints import load
from tests.inference.engine.cuda.steps import place, runner, scored, whole
from tests.inference.engine.requests import ask, events, largest_difference, tokens
from tests.inference.engine.test_architectures import plain_logits

SUFFIXES = (tokens(1, seed=5), tokens(3, seed=6), tokens(40, seed=8))


@pytest.mark.parametrize("family", ["llama", "qwen3", "deepseek_v2", "deepseek"])
@pytest.mark.parametrize("cuts", [(), (16,), (48, 100, 101, 103)])
def test_a_step_scores_as_the_unmodified_model(checkpoints, family, cuts):
    request = ask(tokens(100, seed=1), *SUFFIXES)
    loaded = load(checkpoints[family], Precision.FP32)
    expected = plain_logits(loaded, request)
    [work] = place(loaded, request)
    device = runner(loaded, [work])

    edges = [0, *cuts, work.prompt.total]
    steps = [scored(device, [Chunk(work, a, b)]) for a, b in pairwise(edges)]

    answers = [answer for [found] in steps for answer in found]
    assert largest_difference(answers, expected) < 2e-5


def test_requests_of_one_step_do_not_see_each_other(checkpoints):
    loaded = load(checkpoints["qwen3"], Precision.FP32)
    requests = [ask(tokens(length, seed=length), *SUFFIXES[:2]) for length in (0, 17, 130)]
    expected = [plain_logits(loaded, request) for request in requests]
    works = place(loaded, *requests)

    found = scored(runner(loaded, works), whole(works))

    assert max(largest_difference(a, b) for a, b in zip(found, expected, strict=True)) < 2e-5


def test_events_and_tokens_travel_in_one_transfer(checkpoints):
    loaded = load(checkpoints["events"], Precision.FP32)
    request = ask(events(100, seed=1), (*events(2, seed=2), TokenPosition(1)), tokens(1, seed=3))
    expected = plain_logits(loaded, request)
    works = place(loaded, request)
    device = runner(loaded, works)

    [found] = scored(device, whole(works))

    assert largest_difference(found, expected) < 2e-5
    assert device.staging.transfers == 1
