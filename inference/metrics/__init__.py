"""What an engine tells of itself, and the numbers made of it; free of torch.

`prometheus` alone needs its client library, which a machine that only measures may lack.
"""

from inference.metrics.busy import BusyShare
from inference.metrics.observer import EngineObserver, StepReport

__all__ = ["BusyShare", "EngineObserver", "StepReport"]
