"""Attention over the pool against float32 attention, and a row's bits against its company."""

from collections.abc import Iterator, Sequence
from ctypes import CDLL
from hashlib import sha256
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from inference.config import DENSE, SparsePattern
from inference.engine.spans import SpansBuilder
from inference.engine.work import Chunk, Work
from inference.native.attention import PackedPool, PagedAttention
from inference.threads import one_thread
from tests.inference.engine.works import HEADS, Heads, make_work, masked_attention, states, visible

TILE_EDGES = [1, 15, 16, 17, 127, 128, 129]
PATTERNS = [
    SparsePattern(recent=1),
    SparsePattern(sink=1, recent=2),
    SparsePattern(recent=2, stride=3),
]
SIZES = [8, 16, 18, 32, 64, 80, 96, 128, 130]


@pytest.fixture(scope="module")
def attention(library: CDLL) -> PagedAttention:
    return PagedAttention(library)


@pytest.fixture(autouse=True)
def single_thread() -> Iterator[None]:
    with one_thread():
        yield


def attend(
    attention: PagedAttention,
    work: Work,
    chunks: list[tuple[int, int]],
    *,
    heads: Heads = HEADS,
    stale: float = 0.0,
    **sight: Any,
) -> Tensor:
    """[P, H, D]: the line computed in these chunks, in a pool where something else was before."""
    pool = PackedPool.zeros(heads[1], max(work.blocks) + 1, heads[2])
    pool.keys.fill_(stale)
    pool.values.fill_(stale)
    line = states(work, torch.bfloat16, heads=heads)
    parts = [
        step(attention, pool, [Chunk(work, start, stop)], [x[0, :, start:stop] for x in line], **sight)
        for start, stop in chunks
    ]
    return torch.cat(parts)


def step(
    attention: PagedAttention,
    pool: PackedPool,
    chunks: list[Chunk],
    line: Sequence[Tensor],
    *,
    window: int | None = None,
    pattern: SparsePattern = DENSE,
) -> Tensor:
    """[T, H, D]: one batch of chunks, whose queries, keys and values are each [heads, T, D]."""
    query, key, value = line
    builder = SpansBuilder(attention, pattern=pattern)
    for chunk in chunks:
        builder.add(chunk)
    spans = builder.build(rows=query.shape[1], device=query.device)
    attention.write(pool, key, value, spans.write_slots)
    return spans.attend(query[None], pool, scaling=pool.size**-0.5, window=window)[0]


def whole(attention: PagedAttention, work: Work, **options: Any) -> Tensor:
    """`attend` in one chunk."""
    return attend(attention, work, [(0, work.prompt.total)], **options)


def assert_near(answer: Tensor, work: Work, *, heads: Heads = HEADS, **sight: Any) -> None:
    """Compare with float32 attention over the same bfloat16 states, within what two roundings may do.

    Weights are rounded to 8 bits before they meet the values, and so is the result: each is off by 2**-8 of the
    magnitudes that were summed at most. The float32 sums in between add less than a hundredth of that.
    """
    query, key, value = (x.float() for x in states(work, torch.bfloat16, heads=heads))
    mask = visible(work, **sight)
    expected = masked_attention(query, key, value, mask)
    bound = 1.01 * 2.0**-7 * masked_attention(query, key, value.abs(), mask)
    assert ((answer.float() - expected).abs() <= bound + 1e-6).all()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("shared", [1, 2, 7])
def test_every_head_size_equals_attention_in_float32(attention, size, shared):
    work, heads = make_work(200, 3, 20), (2 * shared, 2, size)

    assert_near(whole(attention, work, heads=heads), work, heads=heads)


@pytest.mark.parametrize("record", [0, *TILE_EDGES, 300])
@pytest.mark.parametrize("suffixes", [(1,), (3, 3, 3, 3, 3), (4, 5, 8, 16), (17, 2, 130)])
def test_records_and_questions_equal_masked_attention(attention, record, suffixes):
    work = make_work(record, *suffixes)

    assert_near(whole(attention, work), work)


@pytest.mark.parametrize("window", TILE_EDGES)
@pytest.mark.parametrize("record", [100, 300])
def test_a_window_hides_what_lies_before_it(attention, window, record):
    work = make_work(record, 3, 20)

    assert_near(whole(attention, work, window=window), work, window=window)


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("record", [0, 127, 128, 700])
def test_a_pattern_hides_tiles_of_the_record(attention, pattern, record):
    work = make_work(record, 3, 20, 300)

    assert_near(whole(attention, work, pattern=pattern), work, pattern=pattern)


@settings(max_examples=40, deadline=None)
@given(
    record=st.integers(0, 400),
    suffixes=st.lists(st.integers(1, 150), min_size=1, max_size=5),
    shared=st.integers(1, 5),
    groups=st.integers(1, 3),
    half_size=st.integers(1, 70),
    window=st.one_of(st.none(), st.integers(1, 500)),
    pattern=st.sampled_from([DENSE, *PATTERNS]),
)
def test_any_shape_equals_attention_in_float32(attention, record, suffixes, shared, groups, half_size, window, pattern):
    work, heads = make_work(record, *suffixes), (shared * groups, groups, 2 * half_size)
    sight = {"window": window, "pattern": pattern}

    assert_near(whole(attention, work, heads=heads, **sight), work, heads=heads, **sight)


@pytest.mark.parametrize("cut", [1, 16, 100, 112, 127, 128, 144, 256])
@pytest.mark.parametrize("sight", [{}, {"window": 17}, {"window": 128}, {"pattern": SparsePattern(recent=1)}])
def test_where_a_chunk_starts_changes_no_bit(attention, cut, sight):
    work = make_work(300, 3, 40)
    chunks = [(0, cut), (cut, 300), (300, 303), (303, 310), (310, 343)]

    assert torch.equal(attend(attention, work, chunks, **sight), whole(attention, work, **sight))


def test_one_row_at_a_time_changes_no_bit(attention):
    work = make_work(150, 5)

    assert torch.equal(attend(attention, work, [(at, at + 1) for at in range(155)]), whole(attention, work))


@pytest.mark.parametrize("window", [None, 50])
@pytest.mark.parametrize("record", [0, 192, 200])  # after 0 and 192 a lone question begins a block
def test_a_questions_bits_do_not_depend_on_its_neighbours(attention, record, window):
    alone, among = make_work(record, 150), make_work(record, 3, 150, 8, 2, 3)

    one, many = (whole(attention, work, window=window) for work in (alone, among))

    assert torch.equal(many[record + 3 : record + 153], one[record:])


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_threads_and_a_batch_change_no_bit(attention, threads):
    works = [make_work(300, 3, 40), make_work(37, 1, first_block=50), make_work(513, 2, 2, first_block=70)]
    torch.set_num_threads(threads)

    line = [torch.cat(parts, dim=2)[0] for parts in zip(*(states(work, torch.bfloat16) for work in works), strict=True)]
    chunks = [Chunk(work, 0, work.prompt.total) for work in works]
    together = step(attention, PackedPool.zeros(2, 110, 64), chunks, line)

    assert torch.equal(together, torch.cat([whole(attention, work) for work in works]))


@pytest.mark.parametrize("record", [1, 17, 300])
def test_what_a_block_held_before_cannot_be_seen(attention, record):
    work = make_work(record, 3, 40)

    assert torch.equal(whole(attention, work, stale=float("nan")), whole(attention, work))


def test_a_record_that_is_not_a_number_says_so(attention):
    work = make_work(20, 1)
    query, key, value = (x[0] for x in states(work, torch.bfloat16))
    key[0, 3] = float("nan")

    answer = step(attention, PackedPool.zeros(2, 4, 64), [Chunk(work, 0, 21)], (query, key, value))

    assert answer[:3].isfinite().all()
    assert answer[3:, :2].isnan().all()
    assert answer[:, 2:].isfinite().all()


def test_every_machine_gives_these_bits(attention):
    work = make_work(150, 3)
    counted = torch.arange(8 * 153 * 64).mul(7919).remainder(251).sub(125).div(32).bfloat16()
    line = counted.view(8, 153, 64).split((4, 2, 2))

    answer = step(attention, PackedPool.zeros(2, 12, 64), [Chunk(work, 0, 153)], line, window=140)

    digest = sha256(answer.view(torch.int16).numpy().tobytes()).hexdigest()
    assert digest == "74fd22afb3445a42a3423da0db85868f72c8e240508ac7606432a8c5d0d84099"


def test_rows_of_no_sequence_are_zero(attention):
    work = make_work(20, 1)
    line = [torch.ones(heads, 32, 64, dtype=torch.bfloat16) for heads in (4, 2, 2)]

    answer = step(attention, PackedPool.zeros(2, 4, 64), [Chunk(work, 0, 21)], line)

    assert torch.equal(answer[21:], torch.zeros(11, 4, 64).bfloat16())


def test_the_exponential_is_within_2e_7(attention):
    x = -torch.logspace(-6, 2, 160_000)

    expected = torch.exp2(x.double())

    assert ((attention.exp2(x).double() - expected).abs() / expected).max() < 2e-7


def test_the_exponential_is_exact_at_its_ends(attention):
    x = torch.full((16,), -1e30)
    x[:3] = torch.tensor([0.0, -1.0, -126.0])

    assert attention.exp2(x)[:4].tolist() == [1.0, 0.5, 2.0**-126, 0.0]
