"""Generations that the engine's tests ask for, and what plain transformers writes."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from inference.api import GenerateRequest, GenerateResult, Position, Precision, TokenPosition
from inference.engine import EngineCore
from tests.checkpoints import load


def write(record: Sequence[Position], **changes: Any) -> GenerateRequest:
    """Twelve tokens by the model "tiny" after a record."""
    settings: dict[str, Any] = {"id": "g", "model": "tiny", "namespace": "bank", "record": tuple(record)}
    return GenerateRequest(**settings | {"max_tokens": 12} | changes)


def written(engine: EngineCore, record: Sequence[Position], **changes: Any) -> GenerateResult:
    """What becomes of `write`."""
    return engine.generate(write(record, **changes)).result(timeout=60)


def reference(path: Path, record: Sequence[TokenPosition], *, max_tokens: int) -> tuple[int, ...]:
    """What transformers' own greedy `generate` writes in float32."""
    model: Any = load(path, Precision.FP32).model
    model.set_attn_implementation("eager")
    line = torch.tensor([[position.token for position in record]])
    out = model.generate(
        line, attention_mask=torch.ones_like(line), max_new_tokens=max_tokens, do_sample=False, pad_token_id=0
    )
    return tuple(out[0, len(record) :].tolist())
