"""A trained scorer as a checkpoint folder that the engine reads."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from safetensors.torch import save_file
from transformers import Qwen3Config

from inference.sealed import write_sums
from riskscore.encoding import HISTORY_LIMIT, SCHEMA
from riskscore.scoring import Calibration
from training.model import Scorer

WINDOW = 512
CONFIG_KEYS = (
    "architectures", "model_type", "vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers",
    "num_attention_heads", "num_key_value_heads", "head_dim", "hidden_act", "rms_norm_eps", "attention_bias",
    "max_position_embeddings", "rope_parameters", "tie_word_embeddings", "bos_token_id", "eos_token_id",
    "pad_token_id", "use_cache", "dtype",
)  # fmt: skip


def export(scorer: Scorer, folder: Path, *, calibration: Calibration, metrics: dict[str, Any], card: str) -> None:
    """Write configuration, weights, calibration, metrics and card, then seal them with their sums.

    The decoder's weights keep their Hugging Face names, tied ones once; the encoder's come under
    ``event_encoder.``; all float32.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {name: tensor for name, tensor in scorer.decoder.state_dict().items() if name != "lm_head.weight"}
    tensors |= {f"event_encoder.{name}": tensor for name, tensor in scorer.event_encoder.state_dict().items()}
    whole = {name: tensor.detach().float().contiguous().clone() for name, tensor in tensors.items()}
    save_file(whole, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "model.safetensors").chmod(0o644)  # written for the owner alone, and a server may be another user
    _write_json(folder / "config.json", _settings(scorer.decoder.config))
    _write_json(folder / "calibration.json", {"method": "platt", **asdict(calibration)})
    _write_json(folder / "metrics.json", metrics)
    (folder / "README.md").write_text(card, encoding="utf-8")
    write_sums(folder)


def _settings(config: Qwen3Config) -> dict[str, Any]:
    told = config.to_dict() | {"architectures": ["Qwen3ForCausalLM"], "dtype": "float32"}
    fields = [{"name": field.name, "size": field.size} for field in SCHEMA.categories]
    schema = {"version": SCHEMA.version, "numbers": list(SCHEMA.numbers), "categories": fields}
    assay = {"event_schema": schema, "window": WINDOW, "history_limit": HISTORY_LIMIT}
    return {key: told[key] for key in CONFIG_KEYS if key in told} | {"assay": assay}


def _write_json(path: Path, values: dict[str, Any]) -> None:
    path.write_text(json.dumps(values, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
