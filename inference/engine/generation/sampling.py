"""One token chosen among many, by the request's own generator."""

import numpy as np
from numpy.typing import NDArray

from inference.api import Sampling
from inference.engine.prompt import IntArray
from inference.engine.readout import Row


class Sampler:
    """Draws tokens at a temperature above zero.

    Each draw takes one number of a generator that the request's seed alone set up, and one row is computed at a
    time: so neither other requests nor the order of steps can show.
    """

    def __init__(self, sampling: Sampling) -> None:
        self._sampling = sampling
        self._numbers = np.random.Generator(np.random.Philox(sampling.seed))

    def choose(self, logits: Row) -> int:
        """A token by the logits [V]; one whose logit is minus infinity is never drawn."""
        weights = np.exp((logits.astype(np.float64) - logits.max()) / self._sampling.temperature)
        tokens = self._shortlist(weights)
        heights = np.cumsum(weights if tokens is None else weights[tokens])
        top = heights[-1]
        if self._sampling.top_p < 1.0:
            whole = top if len(heights) == self._sampling.top_k else weights.sum()
            top = heights[min(len(heights) - 1, int(np.searchsorted(heights, self._sampling.top_p * whole)))]
        drawn = np.searchsorted(heights, self._numbers.random() * top, side="right")
        place = min(int(drawn), int(np.searchsorted(heights, top)))  # the product may round up to the top itself
        return place if tokens is None else int(tokens[place])

    def _shortlist(self, weights: NDArray[np.float64]) -> IntArray | None:
        """Tokens worth a look, likeliest first; None for all of them in the vocabulary's order.

        For top_p those are left out that are lighter than the share left over would be if all were alike: together
        they cannot fill that share. Sorting all of 8,192 tokens took 0.50 ms, these 0.07 (2026-11-25).
        """
        top_k, top_p = self._sampling.top_k, self._sampling.top_p
        if top_k is not None and top_k < len(weights):
            near = np.flatnonzero(weights >= np.partition(weights, -top_k)[-top_k])
        elif top_p < 1.0:
            near = np.flatnonzero(weights >= (1.0 - top_p) * weights.sum() / len(weights))
        else:
            return None
        return near[np.argsort(-weights[near], kind="stable")][:top_k]
