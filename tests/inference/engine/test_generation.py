"""Generation: the library's tokens, and the same bits whatever happens around them."""

import threading
import time

import pytest

from inference.api import (
    Cancelled,
    DeadlineExceeded,
    FinishReason,
    GeneratedTokens,
    GenerateUsage,
    InvalidRequest,
    OutOfBlocks,
    Precision,
    Sampling,
    WindowExceeded,
)
from tests.checkpoints import make_llama
from tests.inference.engine.generations import reference, write, written
from tests.inference.engine.requests import ask, events, lane_of, logits, serving, tokens

RECORDS = [tokens(length, seed=length) for length in (1, 16, 33, 130)]
LOOPING = tokens(6, seed=3) * 5  # what a lookup finds much to copy in


@pytest.mark.parametrize("family", ["llama", "qwen3", "deepseek"])
def test_greedy_tokens_are_those_of_transformers(checkpoints, family):
    path = checkpoints[family]
    with serving(path, Precision.FP32) as engine:
        futures = [engine.generate(write(record, id=f"{len(record)}")) for record in RECORDS]

        for record, future in zip(RECORDS, futures, strict=True):
            assert future.result(timeout=60).tokens == reference(path, record, max_tokens=12)


@pytest.fixture(scope="module")
def alone(qwen3):
    """What each record's generation and log-probabilities are in an engine of its own, without guesses."""
    found = []
    with serving(qwen3) as engine:
        for record in [*RECORDS, LOOPING]:
            engine.purge("bank")
            found.append(exact(written(engine, record, max_tokens=40, speculate=False, logprobs=True)))
    return found


def exact(result):
    """The tokens, and to the last bit how sure the model was of each."""
    return result.tokens, result.logprobs


def together(engine, **changes):
    """All records' generations in flight at once, with questions about them in between."""
    both = [
        (
            engine.generate(write(record, id=f"g{len(record)}", max_tokens=40, logprobs=True, **changes)),
            engine.submit(ask(record, id=f"s{len(record)}")),
        )
        for record in [*RECORDS, LOOPING]
    ]
    futures, asked = zip(*both, strict=True)
    return [exact(future.result(timeout=60)) for future in futures], [logits(f.result(timeout=60)) for f in asked]


@pytest.mark.parametrize("speculate", [False, True])
def test_a_batch_with_scores_a_warm_cache_and_guesses_change_no_bit(qwen3, alone, speculate):
    with serving(qwen3) as engine:
        cold, scores = together(engine, speculate=speculate)
        warm, again = together(engine, speculate=speculate)

    assert (cold, warm) == (alone, alone)
    assert again == scores


def test_chunks_of_16_positions_change_no_bit(qwen3, alone):
    with serving(qwen3, max_batch_positions=16) as engine:
        assert together(engine)[0] == alone


def test_losing_its_blocks_again_and_again_changes_no_bit(qwen3, alone):
    with serving(qwen3) as engine:
        lane_of(engine).cache.namespace_blocks = 14  # the longest alone takes 11
        assert together(engine)[0] == alone


def test_the_shortlist_of_a_large_vocabulary_changes_no_token(tmp_path):
    with serving(make_llama(tmp_path, vocab_size=4096)) as engine:
        assert lane_of(engine).loaded.shortlist is not None
        for record in RECORDS:
            whole = written(engine, record, max_tokens=40, logprobs=True)

            assert written(engine, record, max_tokens=40).tokens == whole.tokens


def test_scores_are_the_same_beside_generations(qwen3):
    with serving(qwen3) as engine:
        beside = together(engine)[1]
    with serving(qwen3) as engine:
        assert [logits(engine.submit(ask(record)).result(timeout=60)) for record in [*RECORDS, LOOPING]] == beside


def test_guesses_are_counted_and_save_forward_passes(qwen3):
    steps = []
    with serving(qwen3) as engine:
        lane_of(engine)._runner._embed.register_forward_pre_hook(lambda *_: steps.append(1))
        usage = written(engine, LOOPING, max_tokens=40).usage

    assert usage.accepted > 0
    assert len(steps) == 40 - usage.accepted


def test_the_next_turn_reads_the_last_one_from_the_cache(engine):
    said = written(engine, RECORDS[2], max_tokens=40, speculate=False).tokens
    turn = (*RECORDS[2], *(type(RECORDS[2][0])(token) for token in said), *tokens(5, seed=5))

    usage = written(engine, turn, id="second").usage

    assert usage == GenerateUsage(
        prompt=78,
        cached=64,
        shared=0,
        computed=14,
        generated=12,
        drafted=usage.drafted,
        accepted=usage.accepted,
        forced=0,
    )


def test_another_namespace_reads_nothing_of_it(engine):
    said = written(engine, RECORDS[2], namespace="bank").tokens
    other = written(engine, RECORDS[2], namespace="hospital")

    assert (other.tokens, other.usage.cached) == (said, 0)


def test_events_can_be_gone_on_from(checkpoints):
    with serving(checkpoints["events"]) as engine:
        result = written(engine, (*events(20, seed=1), *tokens(2, seed=1)))

    assert (len(result.tokens), result.finish_reason) == (12, FinishReason.LENGTH)


@pytest.fixture
def engine(qwen3):
    with serving(qwen3) as started:
        yield started


SAMPLING = Sampling(temperature=1.5, top_k=40, top_p=0.95, seed=7)


def test_a_seed_draws_the_same_tokens_in_any_company(engine):
    first = written(engine, RECORDS[2], sampling=SAMPLING, speculate=False)
    futures = [engine.generate(write(record, id=f"{len(record)}", sampling=SAMPLING)) for record in RECORDS]
    other = written(engine, RECORDS[2], id="other", sampling=Sampling(temperature=1.5, seed=8))

    assert futures[2].result(timeout=60).tokens == first.tokens
    assert other.tokens != first.tokens


def test_a_generation_ends_before_a_stop_token(engine):
    free = written(engine, RECORDS[2]).tokens

    stopped = written(engine, RECORDS[2], stop_tokens=frozenset({free[5]}))

    assert (stopped.tokens, stopped.finish_reason) == (free[: free.index(free[5])], FinishReason.STOP)


def test_pieces_add_up_to_the_result(engine):
    pieces: list[GeneratedTokens] = []
    result = engine.generate(write(LOOPING, max_tokens=40), pieces.append).result(timeout=60)

    assert sum((piece.tokens for piece in pieces), ()) == result.tokens
    assert len(pieces) == 40 - result.usage.accepted


def test_a_generation_is_cancelled_between_two_tokens(engine):
    future = engine.generate(write(RECORDS[3], max_tokens=800), lambda _: engine.cancel("g"))

    assert isinstance(future.exception(timeout=60), Cancelled)


def test_a_deadline_ends_a_generation(engine):
    deadline_at = time.monotonic() + 1.0

    def listen(_: GeneratedTokens) -> None:  # on the engine's thread: the next step comes too late
        time.sleep(max(0.0, deadline_at - time.monotonic()) + 0.01)

    future = engine.generate(write(RECORDS[3], max_tokens=800, deadline_at=deadline_at), listen)

    assert isinstance(future.exception(timeout=60), DeadlineExceeded)


def test_what_runs_while_its_namespace_is_purged_leaves_nothing(engine):
    begun = threading.Event()
    future = engine.generate(write(RECORDS[3], max_tokens=400), lambda _: begun.set())
    assert begun.wait(timeout=60)

    engine.purge("bank")

    assert future.result(timeout=60).usage.generated == 400
    assert engine.stats().blocks_cached == 0


def test_a_listener_that_fails_ends_its_generation_only(engine):
    failed = engine.generate(write(RECORDS[1]), lambda _: 1 / 0)
    other = engine.generate(write(RECORDS[2], id="other"))

    assert failed.exception(timeout=60).code == "engine_error"
    assert len(other.result(timeout=60).tokens) == 12


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"max_tokens": 1000}, WindowExceeded),
        ({"stop_tokens": frozenset({64})}, InvalidRequest),
        ({"stop_texts": ("end",)}, InvalidRequest),
    ],
)
def test_what_cannot_be_written_is_refused_at_the_door(engine, changes, error):
    with pytest.raises(error):
        engine.generate(write(RECORDS[2], **changes))


def test_a_generation_that_may_outgrow_its_quota_fails(engine):
    lane_of(engine).cache.namespace_blocks = 4
    future = engine.generate(write(RECORDS[2], max_tokens=40))

    assert isinstance(future.exception(timeout=60), OutOfBlocks)
