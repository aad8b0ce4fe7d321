"""The inference engine: knows tensors, nothing of Django."""

from inference.engine.core import EngineCore

__all__ = ["EngineCore"]
