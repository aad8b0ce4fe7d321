"""Tiny checkpoints, made once."""

from pathlib import Path

import pytest

from tests.checkpoints import (
    make_deepseek,
    make_deepseek_v2,
    make_event_qwen3,
    make_gemma3,
    make_llama,
    make_mistral,
    make_qwen2,
    make_qwen2_windowed,
    make_qwen3,
    make_qwen3_moe,
)

MAKERS = {
    "llama": make_llama,
    "mistral": make_mistral,
    "gemma3": make_gemma3,
    "qwen2": make_qwen2,
    "qwen2_windowed": make_qwen2_windowed,
    "qwen3": make_qwen3,
    "qwen3_moe": make_qwen3_moe,
    "deepseek_v2": make_deepseek_v2,
    "deepseek": make_deepseek,
    "events": make_event_qwen3,
}


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory) -> dict[str, Path]:
    """Folders by family."""
    root = tmp_path_factory.mktemp("checkpoints")
    return {name: make(root / name) for name, make in MAKERS.items()}


@pytest.fixture(scope="session")
def qwen3(checkpoints: dict[str, Path]) -> Path:
    """A tiny Qwen3."""
    return checkpoints["qwen3"]
