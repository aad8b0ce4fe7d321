"""What an engine tells of itself, and the numbers made of it; free of torch."""

from inference.metrics.busy import BusyShare
from inference.metrics.observer import EngineObserver, StepReport
from inference.metrics.prometheus import EngineMetrics

__all__ = ["BusyShare", "EngineMetrics", "EngineObserver", "StepReport"]
