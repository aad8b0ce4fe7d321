"""Logits that stay on the device: what requests ask of them comes over in one copy for all of a step."""

from collections.abc import Mapping, Sequence
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from inference.engine.readout import Readout

Labels = dict[int, tuple[int, ...]]


class DeviceReadout(Readout):
    """See `Readout`. Whole rows are copied only if somebody draws from them."""

    def __init__(self, there: Tensor, labels: Labels, sent: Mapping[str, Tensor]) -> None:
        super().__init__(there)
        self._there, self._labels, self._sent = there, labels, sent

    def chosen(self, row: int, labels: Sequence[int]) -> tuple[NDArray[np.float64], float]:
        """A row's logits of the labels its question has, and the logarithm of the row's summed exponentials."""
        assert self._labels[row] == tuple(labels), "a row is read for the question that ends there"
        return self._chosen[row]

    @cached_property
    def _chosen(self) -> dict[int, tuple[NDArray[np.float64], float]]:
        picked = self._there[self._sent["label_rows"], self._sent["labels"]]
        found = torch.cat([torch.logsumexp(self._there, dim=1), picked]).cpu().double().numpy()
        ends = np.cumsum([len(self._there), *map(len, self._labels.values())])
        places = zip(self._labels, ends, ends[1:], strict=False)
        return {row: (found[first:last], float(found[row])) for row, first, last in places}

    @cached_property
    def _lines(self) -> NDArray[np.float32]:
        lines: NDArray[np.float32] = self._there.cpu().numpy()
        return lines

    @cached_property
    def _likeliest(self) -> tuple[list[float], list[int]]:
        highest, token = torch.max(self._there, dim=1)
        both = torch.stack([highest.double(), token.double()]).cpu()  # a token's number is exact in a double
        return both[0].tolist(), both[1].long().tolist()
