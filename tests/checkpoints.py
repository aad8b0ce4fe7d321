"""Makers of tiny checkpoints with random weights, in a folder of the caller's."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from transformers import (
    DeepseekV2Config,
    DeepseekV2ForCausalLM,
    DeepseekV3Config,
    DeepseekV3ForCausalLM,
    Gemma3ForCausalLM,
    Gemma3TextConfig,
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    PreTrainedModel,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
    Qwen3MoeConfig,
    Qwen3MoeForCausalLM,
)

from inference.api import CategoryField, EventSchema, Precision
from inference.checkpoints import LoadedModel, load_checkpoint, write_sums
from inference.config import EngineConfig
from inference.encoders.events import EventEncoder

SCHEMA = EventSchema(
    version="test-1",
    numbers=("amount", "hours_since_last", "balance_share"),
    categories=(
        CategoryField(name="role", size=4),
        CategoryField(name="kind", size=8),
        CategoryField(name="country", size=32),
    ),
)
SHAPE: dict[str, Any] = {
    "vocab_size": 64,
    "hidden_size": 128,
    "intermediate_size": 192,
    "num_hidden_layers": 2,
    "max_position_embeddings": 1024,
    "tie_word_embeddings": True,
    "bos_token_id": None,
    "eos_token_id": None,
    "initializer_range": 0.1,  # the default's 0.02 leaves every logit near zero
}
GROUPED: dict[str, Any] = {"num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 64}
SPARSE: dict[str, Any] = {
    "num_experts": 8,
    "num_experts_per_tok": 2,
    "moe_intermediate_size": 64,
    "norm_topk_prob": True,
    "mlp_only_layers": [0],
}
LATENT: dict[str, Any] = {
    "num_hidden_layers": 3,
    "first_k_dense_replace": 1,
    "num_attention_heads": 4,
    "num_key_value_heads": 4,
    "q_lora_rank": 64,
    "kv_lora_rank": 64,
    "qk_nope_head_dim": 32,
    "qk_rope_head_dim": 32,
    "v_head_dim": 64,
    "moe_intermediate_size": 64,
    "n_routed_experts": 8,
    "n_shared_experts": 1,
    "num_experts_per_tok": 2,
    "n_group": 2,
    "topk_group": 1,
    "tie_word_embeddings": False,
}


def make_llama(path: Path, *, seed: int = 0, **changes: Any) -> Path:
    """Two Llama layers, four query heads over two key/value heads."""
    return _save(path, seed, LlamaForCausalLM, LlamaConfig(**SHAPE | GROUPED | changes))


def make_qwen3(path: Path, *, seed: int = 0, **changes: Any) -> Path:
    """Two Qwen3 layers: as Llama, with normalised queries and keys."""
    return _save(path, seed, Qwen3ForCausalLM, Qwen3Config(**SHAPE | GROUPED | changes))


def make_qwen2(path: Path, *, seed: int = 0, **changes: Any) -> Path:
    """Two Qwen2 layers: as Llama, with biases on queries, keys and values."""
    heads = {"num_attention_heads": 4, "num_key_value_heads": 2}
    return _save(path, seed, Qwen2ForCausalLM, Qwen2Config(**SHAPE | heads | changes))


def make_qwen3_moe(path: Path, *, seed: int = 0, **changes: Any) -> Path:
    """A dense and an expert layer of Qwen3-MoE."""
    return _save(path, seed, Qwen3MoeForCausalLM, Qwen3MoeConfig(**SHAPE | GROUPED | SPARSE | changes))


def make_deepseek_v2(path: Path, *, seed: int = 0, **changes: Any) -> Path:
    """A dense and two expert layers of DeepSeek-V2 in the Lite shape: no latent for queries, no groups of experts."""
    lite = {"q_lora_rank": None, "n_group": 1, "topk_group": 1, "n_shared_experts": 2, "topk_method": "greedy"}
    return _save(path, seed, DeepseekV2ForCausalLM, DeepseekV2Config(**SHAPE | LATENT | lite | changes))


def make_qwen2_windowed(path: Path, *, seed: int = 0, **changes: Any) -> Path:
    """Two Qwen2 layers, of which the second sees 100 positions."""
    window = {"use_sliding_window": True, "sliding_window": 100, "max_window_layers": 1}
    return _save(path, seed, Qwen2ForCausalLM, Qwen2Config(**SHAPE | GROUPED | window | changes))


def make_mistral(path: Path, *, seed: int = 0, **changes: Any) -> Path:
    """Two Mistral layers that see 100 positions."""
    return _save(path, seed, MistralForCausalLM, MistralConfig(**SHAPE | GROUPED | {"sliding_window": 100} | changes))


def make_gemma3(path: Path, *, seed: int = 0, **changes: Any) -> Path:
    """Two Gemma-3 layers, of which the first sees 100 positions; heads of 32."""
    layers = {"layer_types": ["sliding_attention", "full_attention"], "sliding_window": 100, "head_dim": 32}
    shape = SHAPE | GROUPED | layers | {"query_pre_attn_scalar": 32, "pad_token_id": None}
    return _save(path, seed, Gemma3ForCausalLM, Gemma3TextConfig(**shape | changes))


def make_deepseek(path: Path, *, seed: int = 0, **changes: Any) -> Path:
    """A dense and two expert layers of DeepSeek-V3 with multi-head latent attention."""
    return _save(path, seed, DeepseekV3ForCausalLM, DeepseekV3Config(**SHAPE | LATENT | changes))


def make_event_qwen3(path: Path, *, seed: int = 0, schema: EventSchema = SCHEMA, **changes: Any) -> Path:
    """`make_qwen3` with an event encoder and a window of 512 positions."""
    make_qwen3(path, seed=seed, **changes)
    settings = json.loads((path / "config.json").read_text())
    fields = [{"name": field.name, "size": field.size} for field in schema.categories]
    event_schema = {"version": schema.version, "numbers": list(schema.numbers), "categories": fields}
    settings["assay"] = {"event_schema": event_schema, "window": 512}
    (path / "config.json").write_text(json.dumps(settings, indent=2))
    torch.manual_seed(seed + 1)
    encoder = EventEncoder(schema, settings["hidden_size"]).state_dict()
    weights = load_file(path / "model.safetensors")
    weights |= {f"event_encoder.{key}": value.contiguous() for key, value in encoder.items()}
    save_file(weights, path / "model.safetensors", metadata={"format": "pt"})
    write_sums(path)
    return path


def config(precision: Precision = Precision.INT8, **changes: Any) -> EngineConfig:
    """An engine's configuration for tests: one thread, 512 MiB."""
    base = EngineConfig(precision=precision, threads=1, memory_mb=512, salt_key=bytes(32))
    return replace(base, **changes)


def load(path: Path, precision: Precision = Precision.INT8, *, name: str = "tiny", **changes: Any) -> LoadedModel:
    """Load a checkpoint at a precision, as `config` with these changes has it."""
    return load_checkpoint(path, name=name, config=config(precision, **changes))


def _save(path: Path, seed: int, model_class: type[PreTrainedModel], shape: Any) -> Path:
    torch.manual_seed(seed)
    model_class(shape).save_pretrained(path)
    (path / "generation_config.json").unlink()
    write_sums(path)
    return path
