"""Of the last layer only the rows that somebody reads are attended from, and they get what they got among all."""

import pytest
import torch

from inference.engine.spans import SpansBuilder
from inference.engine.work import Chunk
from inference.native.attention import PackedPool, PagedAttention
from tests.inference.engine.works import make_work, states


@pytest.mark.parametrize("wanted", [[0], [299], [302], [5, 130, 302, 319, 400], list(range(432))])
def test_wanted_rows_have_the_bits_they_have_among_all(library, wanted):
    work = make_work(300, 3, 16, 113)
    builder = SpansBuilder(PagedAttention(library))
    builder.add(Chunk(work, 0, work.prompt.total))
    spans = builder.build(rows=432, device=torch.device("cpu"))
    pool = PackedPool.zeros(2, work.total_blocks + 1, 64)
    query, key, value = states(work, torch.bfloat16)
    spans.attention.write(pool, key[0], value[0], spans.write_slots)
    whole = spans.attend(query, pool, scaling=0.125, window=None)[0]

    some = spans.narrowed(torch.tensor(wanted)).attend(query, pool, scaling=0.125, window=None)[0]

    assert torch.equal(some[wanted], whole[wanted])
