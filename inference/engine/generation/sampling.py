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
        scaled = (logits.astype(np.float64) - logits.max()) / self._sampling.temperature
        tokens = self._shortlist(scaled)
        heights = np.cumsum(np.exp(scaled if tokens is None else scaled[tokens]))
        count = len(heights)
        if self._sampling.top_p < 1.0:
            count = min(count, int(np.searchsorted(heights, self._sampling.top_p * heights[-1])) + 1)
        drawn = self._numbers.random() * heights[count - 1]
        place = min(int(np.searchsorted(heights[:count], drawn, side="right")), count - 1)
        return place if tokens is None else int(tokens[place])

    def _shortlist(self, scaled: NDArray[np.float64]) -> IntArray | None:
        """Tokens worth a look, likeliest first; None for all of them in the vocabulary's order."""
        top_k, top_p = self._sampling.top_k, self._sampling.top_p
        if top_k is not None and top_k < len(scaled):
            least = np.partition(scaled, -top_k)[-top_k]
            near = np.flatnonzero(scaled >= least)
            return near[np.argsort(-scaled[near], kind="stable")][:top_k]
        return None if top_p == 1.0 else np.argsort(-scaled, kind="stable")
