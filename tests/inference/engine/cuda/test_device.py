"""What only a GPU can show: its kernels against the CPU's answers, graphs, and the whole engine. `make test-gpu`."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from inference.api import Precision
from inference.checkpoints import LoadedModel, load_checkpoint
from inference.engine import EngineCore
from inference.engine.cuda.graphs import DecodeGraphs
from inference.engine.cuda.layout import LayoutArrays, Ragged
from inference.engine.cuda.memory import pool_bytes
from inference.engine.cuda.ragged import attend_flash, attend_sdpa, choose
from inference.engine.cuda.staging import Staging
from inference.engine.work import Chunk
from inference.quantization.fp8 import multiplies_fp8
from inference.quantization.int8_cuda import choose_cuda_kernels
from tests.checkpoints import config, load
from tests.inference.devices import needs_cuda
from tests.inference.engine.cuda.steps import place, runner
from tests.inference.engine.requests import ask, largest_difference, logits, tokens
from tests.inference.engine.test_architectures import plain_logits
from tests.inference.engine.works import make_work

pytestmark = [pytest.mark.cuda, needs_cuda]
CUDA = torch.device("cuda")
SUFFIXES = (tokens(1, seed=5), tokens(3, seed=6), tokens(40, seed=8))
NEAR = {Precision.FP32: 1e-3, Precision.FP16: 0.05, Precision.BF16: 0.3, Precision.INT8: 0.5, Precision.FP8: 0.8}
FAMILIES = ["llama", "qwen2", "qwen3", "qwen3_moe", "deepseek_v2", "deepseek"]


def load_there(path: Path, precision: Precision) -> LoadedModel:
    """On the GPU."""
    return load_checkpoint(path, name="tiny", config=replace(config(precision), device="cuda"))


@contextmanager
def serving_there(path: Path, precision: Precision) -> Iterator[EngineCore]:
    """A started engine on the GPU."""
    engine = EngineCore([load_there(path, precision)], config(precision, device="cuda", memory_mb=64))
    engine.start()
    try:
        yield engine
    finally:
        engine.stop()


def ragged_of(record: int, *suffixes: int) -> Ragged:
    """A request's sequences on the GPU."""
    work = make_work(record, *suffixes)
    built = LayoutArrays()
    built.add(Chunk(work, 0, work.prompt.total))
    ragged = built.layout(Staging(CUDA).send(built.arrays(rows=work.prompt.total)), {}).ragged
    assert ragged is not None
    return ragged


def states(ragged: Ragged, dtype: torch.dtype, width: int = 128) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Queries of 12 heads, keys and values of 2."""
    draw = torch.Generator().manual_seed(1)
    rows, keys = len(ragged.rows), len(ragged.read_slots)
    shapes = ((rows, 12, 128), (keys, 2, 128), (keys, 2, width))
    query, key, value = (torch.randn(*shape, generator=draw).to(CUDA, dtype) for shape in shapes)
    return query, key, value


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_the_flash_kernel_is_chosen(dtype):
    assert choose(torch.device("cuda", 0), dtype, 12, 2, 128, 128) is attend_flash


@pytest.mark.parametrize("width", [128, 96])
@pytest.mark.parametrize("window", [None, 50])
def test_the_flash_kernel_answers_as_sdpa(width, window):
    ragged = ragged_of(300, 1, 4, 30)
    query, key, value = states(ragged, torch.bfloat16, width)

    flash = attend_flash(query, key, value, ragged, 0.1, window)

    torch.testing.assert_close(flash, attend_sdpa(query, key, value, ragged, 0.1, window), rtol=2e-2, atol=2e-2)


def test_a_sequence_has_the_same_bits_alone_and_beside_a_longer_one():
    alone, among = ragged_of(200, 3), ragged_of(200, 3, 400)
    query, key, value = states(among, torch.bfloat16)

    one = attend_flash(query[:203], key[:403], value[:403], alone, 0.1, None)

    assert torch.equal(attend_flash(query, key, value, among, 0.1, None)[:203], one)


@pytest.mark.parametrize("precision", [Precision.FP32, Precision.FP16, Precision.BF16, Precision.INT8])
@pytest.mark.parametrize("family", FAMILIES)
def test_the_engine_scores_near_the_unmodified_model_on_a_cpu(checkpoints, family, precision):
    request = ask(tokens(200, seed=1), *SUFFIXES)
    expected = plain_logits(load(checkpoints[family], Precision.FP32), request)

    with serving_there(checkpoints[family], precision) as engine:
        cold, warm = (engine.submit(request).result() for _ in range(2))

    assert largest_difference(logits(cold), expected) < NEAR[precision]
    assert largest_difference(logits(warm), expected) < NEAR[precision]
    assert warm.usage.cached == 192


def test_fp8_scores_near_the_unmodified_model_on_a_cpu(checkpoints):
    assert multiplies_fp8(CUDA), "this device or this build of torch lacks fp8 by rows"
    request = ask(tokens(200, seed=1), *SUFFIXES)
    expected = plain_logits(load(checkpoints["qwen3"], Precision.FP32), request)

    with serving_there(checkpoints["qwen3"], Precision.FP8) as engine:
        answer = engine.submit(request).result()

    assert largest_difference(logits(answer), expected) < NEAR[Precision.FP8]


def test_int8_chooses_its_fused_kernels():
    assert choose_cuda_kernels(CUDA) == "cuda-int_mm-triton"


def test_int8_scores_have_the_same_bits_in_any_company(checkpoints):
    request = ask(tokens(200, seed=1), *SUFFIXES, id="one")
    others = [ask(tokens(50 * index, seed=index), *SUFFIXES, id=f"r{index}") for index in range(1, 8)]

    with serving_there(checkpoints["qwen3"], Precision.INT8) as engine:
        alone = logits(engine.submit(request).result())
        engine.purge("bank")
        futures = [engine.submit(one) for one in (*others, replace(request, id="again"))]
        among = logits(futures[-1].result())

    assert among == alone


@pytest.mark.parametrize("precision", [Precision.BF16, Precision.INT8])
@pytest.mark.parametrize("family", ["qwen3", "llama"])
def test_a_captured_step_has_the_bits_of_the_same_step_uncaptured(checkpoints, family, precision):
    loaded = load_there(checkpoints[family], precision)
    works = place(loaded, *(ask(tokens(length, seed=length)) for length in (33, 40, 70)))
    device = runner(loaded, works)
    device.run([Chunk(work, 0, work.prompt.record - 1) for work in works])
    graphs = DecodeGraphs(device, window=128, buckets=(1, 4))
    given = np.array([work.prompt.tokens[work.prompt.record - 1] for work in works])
    contexts = [work.slots[: work.prompt.record] for work in works]
    eager = graphs.run(given, contexts).clone()

    graphs.capture(memory_mb=512)

    assert graphs.captured == (1, 4)
    assert torch.equal(graphs.run(given, contexts), eager)


def test_graphs_stop_at_their_memory(checkpoints):
    loaded = load_there(checkpoints["qwen3"], Precision.BF16)
    [work] = place(loaded, ask(tokens(33, seed=1)))
    device = runner(loaded, [work])
    device.run([Chunk(work, 0, 33)])
    graphs = DecodeGraphs(device, window=128)

    graphs.capture(memory_mb=0)

    assert graphs.captured == ()


def test_transfers_leave_from_pinned_memory():
    staging = Staging(CUDA)
    sent = [staging.send({"a": np.full(1000, index)})["a"] for index in range(8)]

    assert [int(tensor.unique()) for tensor in sent] == list(range(8))
    assert all(host.is_pinned() for host in staging._hosts if len(host))


def test_a_pool_may_be_sized_by_what_is_free():
    assert 0 < pool_bytes("cuda") < torch.cuda.mem_get_info()[0]
