"""What a process keeps of a checkpoint, and which checkpoints cannot be divided."""

import pytest
import torch
from torch import nn
from torch._C._distributed_c10d import HashStore

from inference.api import CheckpointRefused, Precision
from inference.config import Parallel
from inference.distributed.division import InputDividedInt8, check_divisible
from inference.distributed.links import Links, Place
from inference.quantization.int8 import QuantizedLinear
from tests.checkpoints import load


@pytest.fixture(scope="module")
def unlinked():
    """The connections of a process that has nobody to connect to."""
    return Links(Place(rank=0, parallel=Parallel()), HashStore(), timeout_s=10.0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("inputs", [96, 1408])
def test_parts_of_sums_have_the_bits_of_a_whole_layer(unlinked, inputs, dtype):
    torch.manual_seed(1)
    linear = nn.Linear(inputs, 48).requires_grad_(requires_grad=False)
    whole = QuantizedLinear(linear.weight, linear.bias, kernels="reference")
    x = torch.randn(3, 7, inputs).to(dtype)

    assert torch.equal(InputDividedInt8(linear, unlinked)(x), whole(x))


@pytest.mark.parametrize(("rank", "stage", "shard"), [(0, 0, 0), (1, 0, 1), (2, 1, 0), (5, 2, 1)])
def test_shards_of_a_stage_are_neighbours(rank, stage, shard):
    place = Place(rank=rank, parallel=Parallel(tensor=2, pipeline=3))

    assert (place.stage, place.shard, place.is_last_stage) == (stage, shard, stage == 2)


@pytest.mark.parametrize(
    ("family", "parallel", "complaint"),
    [
        ("qwen3", Parallel(pipeline=3), "2 layers"),
        ("qwen3", Parallel(tensor=3), "num_attention_heads"),
        ("llama", Parallel(tensor=4), "num_key_value_heads"),
        ("deepseek", Parallel(tensor=2), "pipeline stages"),
    ],
)
def test_what_does_not_divide_is_refused(checkpoints, family, parallel, complaint):
    model = load(checkpoints[family], Precision.FP32).model

    with pytest.raises(CheckpointRefused, match=complaint):
        check_divisible(model, parallel)


def test_a_parallel_size_is_positive():
    with pytest.raises(ValueError, match="at least 1"):
        Parallel(tensor=0)
