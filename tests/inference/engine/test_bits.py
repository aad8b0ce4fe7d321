"""The contract: a request's INT8 logits on a CPU are the same to the last bit, whatever happens around it."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from inference.api import Position, Precision, ScoreRequest
from inference.config import SparsePattern
from tests.inference.engine.requests import ask, events, logits, serving, tokens

FAMILIES = ["llama", "qwen3", "qwen3_moe", "deepseek_v2", "deepseek", "gemma3", "mistral", "events"]
LENGTHS = (0, 1, 16, 100, 127, 129, 250)
COMMON = 200  # positions that some records begin with


def make_requests(family: str) -> list[ScoreRequest]:
    """Records around every boundary, some with a common beginning, and questions of every class."""
    make: Callable[..., tuple[Position, ...]] = events if family == "events" else tokens
    rng = random.Random(11)
    common = make(COMMON, seed=12)
    records = [make(length, seed=length) for length in LENGTHS] + [common, common[:170], common + make(30, seed=13)]
    requests = []
    for index, record in enumerate(records):
        suffixes = [tokens(rng.choice((1, 3, 3, 5, 16, 25)), seed=rng.randrange(99)) for _ in range(index % 4 + 1)]
        requests.append(ask(record, *suffixes, id=f"r{index}"))
    return requests


@pytest.fixture(scope="module", params=FAMILIES)
def case(request, checkpoints):
    """A checkpoint, its requests, and what each scores alone in a cold engine."""
    path, requests = checkpoints[request.param], make_requests(request.param)
    return path, requests, alone_in(path, requests)


def alone_in(path: Path, requests: list[ScoreRequest], **how: Any) -> dict[str, list[tuple[float, ...]]]:
    """What each request scores with nothing cached and nothing beside it."""
    alone = {}
    with serving(path, **how) as engine:
        for one in requests:
            engine.purge("bank")
            alone[one.id] = logits(engine.submit(one).result())
    return alone


def scores(engine, requests):
    """Of requests in flight together."""
    futures = {request.id: engine.submit(request) for request in requests}
    return {name: logits(future.result()) for name, future in futures.items()}


def test_a_warm_cache_changes_no_bit(case):
    path, requests, alone = case
    with serving(path) as engine:
        scores(engine, requests)
        for request in requests:
            assert logits(engine.submit(request).result()) == alone[request.id]


def test_twenty_random_batches_change_no_bit(case):
    path, requests, alone = case
    rng = random.Random(0)
    with serving(path) as engine:
        for _ in range(20):
            batch = rng.sample(requests, k=rng.randrange(2, 7))
            engine.purge(rng.choice(("bank", "nobody")))
            assert scores(engine, batch) == {request.id: alone[request.id] for request in batch}


@pytest.mark.parametrize("max_batch_positions", [64, 128, 4096])
def test_chunking_changes_no_bit(case, max_batch_positions):
    path, requests, alone = case
    with serving(path, max_batch_positions=max_batch_positions) as engine:
        assert scores(engine, requests) == alone


@pytest.mark.parametrize("threads", [2, 3])
def test_threads_change_no_bit(case, threads):
    path, requests, alone = case
    with serving(path, threads=threads) as engine:
        assert scores(engine, requests[-4:]) == {request.id: alone[request.id] for request in requests[-4:]}


@pytest.mark.parametrize("family", ["llama", "gemma3", "events"])
def test_the_eager_path_keeps_the_contract_where_there_are_no_native_kernels(checkpoints, family):
    path, requests = checkpoints[family], make_requests(family)
    alone = alone_in(path, requests, native=False)
    with serving(path, native=False, max_batch_positions=128) as engine:
        together = scores(engine, requests)
        warm = scores(engine, requests)

    assert together == warm == alone


@pytest.mark.parametrize("native", [True, False])
def test_a_sparse_pattern_keeps_the_contract(checkpoints, native):
    path, requests = checkpoints["qwen3"], make_requests("qwen3")[-6:]
    sparse = SparsePattern(recent=1)
    alone = alone_in(path, requests, native=native, sparse=sparse)
    with serving(path, native=native, sparse=sparse, max_batch_positions=128) as engine:
        together = scores(engine, requests)
        warm = scores(engine, requests)

    assert together == warm == alone


@pytest.mark.parametrize("precision", [Precision.FP32, Precision.BF16])
def test_a_question_scores_the_same_whatever_else_is_asked(qwen3, precision):
    record, asked = tokens(130, seed=1), [tokens(length, seed=length) for length in (3, 2, 3, 8, 20)]
    with serving(qwen3, precision) as engine:
        together = logits(engine.submit(ask(record, *asked)).result())
        alone = [logits(engine.submit(ask(record, suffix)).result())[0] for suffix in asked]

    assert together == alone
