"""Cosines and sines by position, computed by the library's own module."""

from typing import Any

import torch
from torch import Tensor

from inference.threads import one_thread

# Kinds whose frequencies do not depend on how long the sequence is.
SERVED_ROTATIONS = frozenset({"default", "linear", "llama3", "yarn"})
STEP = 4096  # positions; always computed together, so that a value's bits do not depend on when it was asked for


class RotaryTable:
    """Grows with the longest position seen: 131,072 positions of a head of 128 would take 134 MB."""

    def __init__(self, module: Any) -> None:
        self._module = module
        self._cosine = self._sine = torch.empty(0)

    def upto(self, count: int) -> tuple[Tensor, Tensor]:
        """Cosines and sines of at least the first ``count`` positions, [P, D] float32."""
        while len(self._cosine) < count:
            first = len(self._cosine)
            with one_thread():
                cosine, sine = self._module(torch.empty(0), torch.arange(first, first + STEP)[None])
            self._cosine = torch.cat([self._cosine, cosine[0]]) if first else cosine[0]
            self._sine = torch.cat([self._sine, sine[0]]) if first else sine[0]
        return self._cosine, self._sine
