"""What one step's forward pass says: logits at the positions that somebody wanted to hear of."""

import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from types import MappingProxyType

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
    """What is known of each of R rows, for all requests of a step: logits over V tokens, or the likeliest alone.

    Attributes:
        logits: [L, V] float32, on the CPU, of the rows that are not found; of all of them, in order, if none is.
        found: the likeliest token of a row, where nobody asked for more.
    """

    def __init__(self, logits: Tensor, *, found: Mapping[int, int] = MappingProxyType({}), rows: int = 0) -> None:
        self.logits = logits
        self.found = found
        unknown = [row for row in range(rows) if row not in found] if found else range(len(logits))
        self._line = {row: line for line, row in enumerate(unknown)}

    def row(self, row: int) -> Row:
        """The logits [V] of a row that is not found; nothing is copied."""
        line: Row = self._lines[self._line[row]]
        return line

    def likeliest(self, row: int) -> int:
        """The token of the highest logit, the first of equals. Raises NotFinite."""
        if row in self.found:
            return self.found[row]
        highest, token = self._likeliest
        line = self._line[row]
        if not math.isfinite(highest[line]):
            raise NotFinite("the model's logits are not finite")
        return token[line]

    @cached_property
    def _lines(self) -> NDArray[np.float32]:
        lines: NDArray[np.float32] = self.logits.numpy()
        return lines

    def chosen(self, row: int, labels: Sequence[int]) -> tuple[NDArray[np.float64], float]:
        """A row's logits of some tokens, and the logarithm of the whole row's summed exponentials."""
        line = self.row(row).astype(np.float64)
        return line[list(labels)], log_sum_exp(line)

    @cached_property
    def _likeliest(self) -> tuple[list[float], list[int]]:
        highest, token = torch.max(self.logits, dim=1)  # of NaN and another, NaN is the higher
        return highest.tolist(), token.tolist()


def log_sum_exp(values: NDArray[np.float64]) -> float:
    """Of [V]; a number that is not finite says so."""
    highest = values.max()
    return float(highest + np.log(np.exp(values - highest).sum()))
