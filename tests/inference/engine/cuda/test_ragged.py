"""Sequences over gathered keys against a mask over everything, and which kernel is chosen."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from inference.engine.cuda.layout import LayoutArrays
from inference.engine.cuda.ragged import attend, attend_sdpa, choose
from inference.engine.cuda.staging import Staging
from inference.engine.work import Chunk
from tests.inference.engine.works import make_work, masked_attention, states, visible

CPU = torch.device("cpu")


@pytest.mark.parametrize("record", [0, 1, 17, 130])
def test_records_and_questions_equal_masked_attention(record):
    work = make_work(record, 1, 4, 30)
    query, key, value = states(work, torch.float32)
    built = LayoutArrays()
    built.add(Chunk(work, 0, work.prompt.total))
    layout = built.layout(Staging(CPU).send(built.arrays(rows=256)), {})
    assert layout.ragged is not None
    home = {int(slot): position for position, slot in enumerate(work.slots)}
    read = torch.tensor([home[slot] for slot in layout.ragged.read_slots.tolist()])
    keys, values = (x[0].transpose(0, 1)[read] for x in (key, value))

    out = attend(query[0].transpose(0, 1), keys, values, layout.ragged, scale=0.125)

    expected = masked_attention(query, key, value, visible(work))
    torch.testing.assert_close(out, expected, rtol=0.0, atol=2e-6)


def test_a_window_counts_the_row_itself():
    work = make_work(40, 1)
    query, key, value = (x[0].transpose(0, 1) for x in states(work, torch.float32))
    built = LayoutArrays()
    built.add(Chunk(work, 0, 40))
    ragged = built.layout(Staging(CPU).send(built.arrays(rows=64)), {}).ragged
    assert ragged is not None

    out = attend(query[:40], key[:40], value[:40], ragged, scale=0.125, window=5)

    last = F.scaled_dot_product_attention(
        query[39][:, None], key[35:40].transpose(0, 1), value[35:40].transpose(0, 1), scale=0.125, enable_gqa=True
    )
    torch.testing.assert_close(out[39], last[:, 0], rtol=0.0, atol=2e-6)


def test_rows_that_fill_the_batch_up_write_where_nothing_is_read():
    work = make_work(20, 2)
    built = LayoutArrays()
    built.add(Chunk(work, 16, 22))

    arrays = built.arrays(rows=32)

    assert arrays["write_slots"].tolist() == [*work.slots[16:22].tolist(), *[1] * 26]
    assert arrays["rows"].tolist() == [0, 1, 2, 3, 4, 5]
    assert (arrays["cu_rows"].tolist(), arrays["cu_keys"].tolist()) == ([0, 4, 6], [0, 20, 42])


def test_decode_rows_see_what_lies_before_them_in_their_own_blocks():
    work = make_work(40, 1)
    built = LayoutArrays()
    built.add(Chunk(work, 31, 33), decodes_from=30)

    arrays = built.arrays(rows=32)

    assert work.blocks == [3, 2, 1]
    assert arrays["tables"].tolist() == [[3, 2, 0], [3, 2, 1]]
    assert arrays["lengths"].tolist() == [32, 33]
    assert np.array_equal(arrays["decode_rows"], [0, 1])
    assert "rows" not in arrays


def test_away_from_cuda_sdpa_is_chosen():
    assert choose(CPU, torch.bfloat16, 4, 2, 64, 64) is attend_sdpa


def test_a_chunk_may_end_a_record_and_go_on_row_by_row():
    work = make_work(40, 1)
    built = LayoutArrays()
    built.add(Chunk(work, 16, 36), decodes_from=34)

    arrays = built.arrays(rows=32)

    assert not built.only_decodes
    assert arrays["rows"].tolist() == list(range(18))
    assert arrays["cu_keys"].tolist() == [0, 34]
    assert (arrays["decode_rows"].tolist(), arrays["lengths"].tolist()) == ([18, 19], [35, 36])
