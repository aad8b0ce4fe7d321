"""What one step's forward pass says: logits at the positions that somebody wanted to hear of."""

import math
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from inference.api import EngineError

Row = NDArray[np.float32]


class NotFinite(EngineError):
    """The model's answer is not a number."""

    code = "not_finite"


class Readout:
    """R rows of logits over V tokens, for all requests of a step together.

    Attributes:
        logits: [R, V] float32, on the CPU.
    """

    def __init__(self, logits: Tensor) -> None:
        self.logits = logits

    @cached_property
    def rows(self) -> NDArray[np.float32]:
        """The logits as numpy sees them; nothing is copied."""
        rows: NDArray[np.float32] = self.logits.numpy()
        return rows

    def likeliest(self, row: int) -> int:
        """The token of the highest logit, the first of equals. Raises NotFinite."""
        highest, token = self._likeliest
        if not math.isfinite(highest[row]):
            raise NotFinite("the model's logits are not finite")
        return token[row]

    @cached_property
    def _likeliest(self) -> tuple[list[float], list[int]]:
        highest, token = torch.max(self.logits, dim=1)  # of NaN and another, NaN is the higher
        return highest.tolist(), token.tolist()
