"""Tiles and fans against plain attention, one row at a time."""

from typing import Any

import pytest
import torch

from inference.config import DENSE, SparsePattern
from inference.engine import attention, tiles
from inference.engine.attention import paged_attention
from inference.engine.kv import PagedKV
from inference.engine.layout import LayoutBuilder
from inference.engine.work import Chunk, Work
from tests.inference.engine.works import make_work, masked_attention, states, visible

PATTERNS = [SparsePattern(recent=1), SparsePattern(sink=1, recent=2), SparsePattern(recent=2, stride=3)]


def attend(
    work: Work,
    chunks: list[tuple[int, int]],
    dtype: torch.dtype,
    *,
    fans: bool = True,
    window: int | None = None,
    pattern: SparsePattern = DENSE,
) -> torch.Tensor:
    """[P, H, D]: what paged attention answers, the line computed in these chunks."""
    query, key, value = states(work, dtype)
    kv = PagedKV(blocks=work.total_blocks)
    out = []
    for start, stop in chunks:
        builder = LayoutBuilder(fans=fans, pattern=pattern)
        builder.add(Chunk(work, start, stop))
        layout = builder.build(rows=-(-(stop - start) // 16) * 16, device=torch.device("cpu"))
        kv.begin(layout)
        padding = (0, 0, 0, len(layout.home) - (stop - start))
        q, k, v = (torch.nn.functional.pad(x[:, :, start:stop], padding) for x in (query, key, value))
        keys, values = kv.update(k, v, 0)
        answer, _ = paged_attention(None, q, keys, values, None, layout=layout, scaling=0.125, sliding_window=window)
        out.append(answer[0, : stop - start])
    return torch.cat(out)


def plain(work: Work, **sight: Any) -> torch.Tensor:
    """[P, H, D] by a mask over the whole line."""
    return masked_attention(*states(work, torch.float32), visible(work, **sight))


@pytest.mark.parametrize("record", [0, 1, 16, 127, 128, 129, 300])
@pytest.mark.parametrize("suffixes", [(1,), (3, 3, 3, 3, 3), (4, 5, 8, 16), (17, 2, 130)])
def test_tiles_and_fans_equal_masked_attention(record, suffixes):
    work = make_work(record, *suffixes)

    answer = attend(work, [(0, work.prompt.total)], torch.float32)

    torch.testing.assert_close(answer, plain(work), rtol=0.0, atol=2e-6)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("cut", [16, 112, 128, 144, 256])
def test_where_a_chunk_starts_changes_no_bit(dtype, cut):
    work = make_work(300, 3, 40)

    whole = attend(work, [(0, 343)], dtype)
    parts = attend(work, [(0, cut), (cut, 300), (300, 303), (303, 310), (310, 343)], dtype)

    assert torch.equal(parts, whole)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_short_questions_rows_do_not_depend_on_its_neighbours(dtype):
    alone, among = make_work(200, 3), make_work(200, 3, 3, 8, 2, 3, 30)

    one = attend(alone, [(0, 203)], dtype)
    many = attend(among, [(0, among.prompt.total)], dtype)

    assert torch.equal(many[200:203], one[200:203])


@pytest.mark.parametrize("fans", [True, False])
@pytest.mark.parametrize("window", [1, 15, 16, 17, 127, 128, 129])
@pytest.mark.parametrize("record", [1, 128, 300])
def test_a_window_hides_what_lies_before_it(fans, window, record):
    work = make_work(record, 3, 16, 40)

    answer = attend(work, [(0, work.prompt.total)], torch.float32, fans=fans, window=window)

    torch.testing.assert_close(answer, plain(work, window=window), rtol=0.0, atol=2e-6)


@pytest.mark.parametrize("fans", [True, False])
@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("record", [1, 128, 700])
def test_a_pattern_hides_tiles_of_the_record(fans, pattern, record):
    work = make_work(record, 3, 16, 300)

    answer = attend(work, [(0, work.prompt.total)], torch.float32, fans=fans, pattern=pattern)

    torch.testing.assert_close(answer, plain(work, pattern=pattern), rtol=0.0, atol=2e-6)


@pytest.mark.parametrize("sight", [{"window": 100}, {"pattern": SparsePattern(recent=1)}])
@pytest.mark.parametrize("cut", [16, 112, 128, 144, 256])
def test_where_a_chunk_starts_changes_no_bit_of_what_sees_less(sight, cut):
    work = make_work(300, 3, 40)

    whole = attend(work, [(0, 343)], torch.bfloat16, **sight)
    parts = attend(work, [(0, cut), (cut, 300), (300, 303), (303, 310), (310, 343)], torch.bfloat16, **sight)

    assert torch.equal(parts, whole)


def test_torchs_own_kernel_answers_the_same(monkeypatch):
    monkeypatch.setattr(attention, "attend_tile", tiles.attend_tile_sdpa)
    work = make_work(300, 3, 40)

    answer = attend(work, [(0, 343)], torch.float32, fans=False)

    torch.testing.assert_close(answer, plain(work), rtol=0.0, atol=2e-6)


@pytest.mark.parametrize("brought", [{"attention_mask": torch.ones(1)}, {"softcap": 50.0}])
def test_what_would_change_the_scores_is_refused(brought):
    work = make_work(16, 1)
    builder = LayoutBuilder(fans=True)
    builder.add(Chunk(work, 0, 17))
    layout = builder.build(rows=32, device=torch.device("cpu"))
    query, key, value = states(work, torch.float32)

    with pytest.raises(ValueError, match="not served"):
        paged_attention(None, query, key, value, **{"attention_mask": None} | brought, layout=layout, scaling=1.0)
