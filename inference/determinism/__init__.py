"""Whether a checkpoint keeps the contract: the same positions give the same bits, whatever happens around them."""

from inference.determinism.drawn import draw_requests
from inference.determinism.ways import Finding, differences

__all__ = ["Finding", "differences", "draw_requests"]
