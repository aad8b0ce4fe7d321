"""Logits leave the decoder in float32, with bits of their own row."""

import pytest
import torch

from inference.api import Precision
from inference.quantization import head
from inference.quantization.head import FloatHead
from tests.checkpoints import load, make_deepseek, make_qwen3


def hidden(count: int) -> torch.Tensor:
    return torch.randn(count, 128, generator=torch.Generator().manual_seed(3)).bfloat16()


@pytest.mark.parametrize("make", [make_qwen3, make_deepseek])  # tied to the embeddings, and not
@pytest.mark.parametrize("precision", [Precision.BF16, Precision.INT8])
def test_a_small_head_computes_in_float32_with_the_files_weights(tmp_path, make, precision):
    make(tmp_path)
    exact = load(tmp_path, Precision.FP32).model.get_submodule("lm_head")

    logits = load(tmp_path, precision).model.get_submodule("lm_head")(hidden(5))

    assert logits.dtype == torch.float32
    torch.testing.assert_close(logits, exact(hidden(5).float()))


def test_a_rows_logits_do_not_depend_on_its_batch():
    layer = FloatHead(torch.randn(64, 128, generator=torch.Generator().manual_seed(4)), None)
    whole = layer(hidden(150))

    assert [count for count in range(1, 151) if not torch.equal(layer(hidden(150)[:count]), whole[:count])] == []


def test_a_bias_is_added():
    layer = FloatHead(torch.zeros(2, 128), torch.tensor([1.0, 2.0]))

    assert layer(hidden(1)).tolist() == [[1.0, 2.0]]


def test_a_large_head_stays_as_it_is(tmp_path, monkeypatch):
    monkeypatch.setattr(head, "MAX_BYTES", 64 * 128 * 4 - 1)

    logits = load(make_qwen3(tmp_path)).model.get_submodule("lm_head")(hidden(1))

    assert logits.dtype == torch.bfloat16
