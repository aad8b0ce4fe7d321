"""The tiny checkpoints of the engine's tests."""

from tests.inference.engine.conftest import checkpoints, qwen3

__all__ = ["checkpoints", "qwen3"]
