"""A checkpoint is loaded as it was sealed, or refused by name of what is wrong."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from inference.api import CheckpointRefused, Precision
from inference.checkpoints import digest_of, load_checkpoint, write_sums
from inference.config import SparsePattern
from tests.checkpoints import SCHEMA, config, load, make_deepseek, make_event_qwen3, make_llama, make_qwen3

ON_CPU = [precision for precision in Precision if precision is not Precision.FP8]  # see quantization/test_fp8.py


def logits(path: Path, precision: Precision) -> torch.Tensor:
    tokens = torch.randint(0, 64, (1, 60), generator=torch.Generator().manual_seed(1))
    decoder: Any = load(path, precision, native=False).model
    out: torch.Tensor = decoder(tokens).logits
    return out.float()


def change_config(path: Path, **changes: object) -> None:
    settings = json.loads((path / "config.json").read_text())
    (path / "config.json").write_text(json.dumps(settings | changes))
    write_sums(path)


def header(path: Path, announced: int) -> None:
    content = (path / "model.safetensors").read_bytes()
    (path / "model.safetensors").write_bytes(announced.to_bytes(8, "little") + content[8:])
    write_sums(path)


@pytest.mark.parametrize("make", [make_llama, make_qwen3, make_deepseek, make_event_qwen3])
@pytest.mark.parametrize("precision", ON_CPU)
def test_every_family_loads_in_every_precision(tmp_path, make, precision):
    loaded = load(make(tmp_path), precision, name="risk")

    assert loaded.ref.name == loaded.name == "risk"
    assert loaded.ref.precision == precision
    assert loaded.ref.digest == digest_of(tmp_path)
    assert not any(parameter.requires_grad or parameter.is_meta for parameter in loaded.model.parameters())


@pytest.mark.parametrize(("precision", "allowed"), [(Precision.BF16, 0.02), (Precision.INT8, 0.05)])
@pytest.mark.parametrize("make", [make_llama, make_qwen3])
def test_lower_precisions_stay_near_float32(tmp_path, make, precision, allowed):
    make(tmp_path)
    exact = logits(tmp_path, Precision.FP32)

    assert (logits(tmp_path, precision) - exact).norm() / exact.norm() < allowed


@pytest.mark.parametrize("precision", [Precision.FP32, Precision.BF16])
def test_plain_precisions_name_no_kernels(tmp_path, precision):
    assert load(make_llama(tmp_path), precision, native=False).ref.kernels == "plain"


def test_a_sparse_pattern_is_part_of_the_kernel_set(tmp_path):
    loaded = load(make_llama(tmp_path), Precision.FP32, sparse=SparsePattern(sink=1, recent=4, stride=8))

    assert loaded.ref.kernels == "plain+sparse-1-4-8"


@pytest.mark.parametrize("key", ["final_logit_softcapping", "use_bidirectional_attention"])
def test_what_would_change_logits_unseen_is_refused(tmp_path, key):
    make_llama(tmp_path)
    change_config(tmp_path, **{key: 30.0})

    with pytest.raises(CheckpointRefused, match=f"{key} is not served"):
        load(tmp_path)


def test_int8_names_the_kernels_that_ran(tmp_path):
    assert load(make_llama(tmp_path), native=False).ref.kernels in {"onednn-u8s8", "onednn-s8s8", "int_mm", "reference"}


def test_weights_take_the_bytes_of_their_precision(tmp_path):
    make_llama(tmp_path, hidden_size=256)
    precisions = (Precision.FP32, Precision.BF16, Precision.INT8)
    fp32, bf16, int8 = (load(tmp_path, precision).weight_bytes for precision in precisions)

    assert bf16 / fp32 == pytest.approx(0.5, abs=0.03)
    assert int8 / fp32 == pytest.approx(0.26, abs=0.04)


@pytest.mark.parametrize("precision", ON_CPU)
def test_the_event_encoder_stays_float32(tmp_path, precision):
    loaded = load(make_event_qwen3(tmp_path), precision)
    assert loaded.event_encoder is not None

    vectors = loaded.event_encoder(torch.tensor([[1.0, torch.nan, 0.5]]), torch.tensor([[1, 2, 3]]))

    assert loaded.schema == SCHEMA
    assert loaded.window == 512
    assert vectors.shape == (1, 128)
    assert vectors.dtype == torch.float32


def test_a_checkpoint_without_events_reads_its_whole_context(tmp_path):
    loaded = load(make_qwen3(tmp_path))

    assert (loaded.event_encoder, loaded.schema, loaded.window) == (None, None, 1024)


def test_weights_may_be_split_over_files(tmp_path):
    make_llama(tmp_path)
    whole = logits(tmp_path, Precision.FP32)
    weights = load_file(tmp_path / "model.safetensors")
    (tmp_path / "model.safetensors").unlink()
    names = sorted(weights)
    save_file({name: weights[name] for name in names[:5]}, tmp_path / "model-00001-of-00002.safetensors")
    save_file({name: weights[name] for name in names[5:]}, tmp_path / "model-00002-of-00002.safetensors")
    write_sums(tmp_path)

    assert torch.equal(logits(tmp_path, Precision.FP32), whole)


def test_the_expected_digest_is_accepted_and_another_refused(tmp_path):
    make_llama(tmp_path)

    load_checkpoint(tmp_path, name="a", config=config(), expected_digest=digest_of(tmp_path))

    with pytest.raises(CheckpointRefused, match="digest is not the expected one"):
        load_checkpoint(tmp_path, name="a", config=config(), expected_digest="0" * 64)


def test_weights_change_nothing_when_their_file_changes_after_loading(tmp_path):
    embeddings = load(make_llama(tmp_path), Precision.FP32).model.get_parameter("model.embed_tokens.weight")
    before = embeddings.clone()

    with (tmp_path / "model.safetensors").open("r+b") as file:
        file.seek(-4096, 2)
        file.write(bytes(4096))

    assert torch.equal(embeddings, before)


@pytest.mark.parametrize("announced", [2**63, 10**9, 2**40])
def test_an_absurd_header_is_refused(tmp_path, announced):
    header(make_llama(tmp_path), announced)

    with pytest.raises(CheckpointRefused, match="absurd header"):
        load(tmp_path)


@pytest.mark.parametrize("announced", [0, 8, 100])
def test_a_broken_header_is_refused(tmp_path, announced):
    header(make_llama(tmp_path), announced)

    with pytest.raises(CheckpointRefused, match="not a safetensors file"):
        load(tmp_path)


@pytest.mark.parametrize("dtype", [torch.int8, torch.float64, torch.float8_e4m3fn])
def test_a_dtype_that_we_do_not_run_is_refused(tmp_path, dtype):
    make_llama(tmp_path)
    save_file({"model.norm.weight": torch.ones(128).to(dtype)}, tmp_path / "model.safetensors")
    write_sums(tmp_path)

    with pytest.raises(CheckpointRefused, match="holds a dtype other than BF16, F16, F32"):
        load(tmp_path)


@pytest.mark.parametrize(
    "changes",
    [
        {"auto_map": {"AutoModelForCausalLM": "modeling.Evil"}},
        {"text_config": {"auto_map": {}}},
        {"quantization_config": {"quant_method": "gptq"}},
        {"_attn_implementation": "stranger/kernel"},
        {"experts_implementation": "stranger/kernel"},
        {"model_type": "gpt2"},
        {"num_hidden_layers": 3},
        {"hidden_size": 256},
        {"hidden_act": "nonsense"},
        {"assay": {"window": 512}},
    ],
)
def test_a_configuration_that_is_foreign_or_does_not_fit_is_refused(tmp_path, changes):
    change_config(make_llama(tmp_path), **changes)

    with pytest.raises(CheckpointRefused):
        load(tmp_path)


def test_a_window_beyond_the_models_positions_is_refused(tmp_path):
    make_event_qwen3(tmp_path, max_position_embeddings=256)

    with pytest.raises(CheckpointRefused, match="window is longer"):
        load(tmp_path)


def test_a_schema_without_its_encoder_is_refused(tmp_path):
    settings = json.loads((make_event_qwen3(tmp_path / "events") / "config.json").read_text())
    change_config(make_qwen3(tmp_path / "plain"), assay=settings["assay"])

    with pytest.raises(CheckpointRefused, match="come together"):
        load(tmp_path / "plain")
