"""From the states of a packed batch to the states that somebody reads: two ways behind one call.

Where a family has a body of our own it computes; otherwise the Hugging Face model does, unmodified, over one ragged
batch of shape [1, T].
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from inference.bodies.llama import LlamaBody
from inference.checkpoints import LoadedModel
from inference.engine import attention
from inference.engine.kv import PagedKV
from inference.engine.spans import Places
from inference.team import Team

GRANULE = 16  # rows per thread that a batch is a multiple of: no thread then starts inside a vector's width


class Forward(Protocol):
    """A checkpoint's decoder.

    Attributes:
        granule: rows that a batch, and what the head reads, is filled up to a multiple of.
        dtype: of the states it takes, and of those the head takes.
    """

    granule: int
    dtype: torch.dtype

    def __call__(self, states: Tensor, positions: Tensor, *, kv: PagedKV, layout: Places, wanted: Tensor) -> Tensor:
        """[T, hidden] states at [T] position ids to [W, hidden], those of the ``wanted`` rows behind the last norm."""


class LibraryForward:
    """The Hugging Face model."""

    def __init__(self, model: Any, *, threads: int, team: Team) -> None:
        attention.register()
        model.set_attn_implementation(attention.NAME)
        self.granule = GRANULE * threads
        self.dtype: torch.dtype = model.get_input_embeddings().weight.dtype
        self._body = model.base_model
        self._team = team

    def __call__(self, states: Tensor, positions: Tensor, *, kv: PagedKV, layout: Places, wanted: Tensor) -> Tensor:
        """See `Forward`; the layers of other processes included."""
        self._team.begin(layout, positions, states)
        return self._team.end(through_layers(self._body, states, positions, kv=kv, layout=layout))[wanted]


def through_layers(body: nn.Module, states: Tensor, positions: Tensor, *, kv: PagedKV, layout: Places) -> Tensor:
    """[T, hidden] states at [T] position ids to [T, hidden] behind the last layer that ``body`` has."""
    kv.begin(layout)
    out: Tensor = body(
        inputs_embeds=states.unsqueeze(0),
        position_ids=positions.unsqueeze(0),
        past_key_values=kv,
        use_cache=True,
        layout=layout,
    ).last_hidden_state[0]
    return out


@dataclass(frozen=True, slots=True)
class StepAttention:
    """A step's attention for a body, the same that the library's blocks get."""

    kv: PagedKV
    layout: Places
    scaling: float
    windows: Sequence[int | None]

    def __call__(
        self, layer: int, query: Tensor, key: Tensor, value: Tensor, *, wanted: Tensor | None = None
    ) -> Tensor:
        """See `inference.bodies.llama.Attend`."""
        batch = (states.transpose(0, 1).unsqueeze(0) for states in (query, key, value))
        queries, keys, values = batch
        context = self.kv.update(keys, values, layer)
        if wanted is not None and not len(wanted):
            return query
        layout = self.layout if wanted is None else self.layout.narrowed(wanted)
        sight: dict[str, Any] = {"scaling": self.scaling, "sliding_window": self.windows[layer]}
        out, _ = attention.paged_attention(None, queries, *context, None, layout=layout, **sight)
        return out[0]


class BodyForward:
    """A body of our own."""

    granule = 1
    dtype = torch.float32

    def __init__(self, body: LlamaBody) -> None:
        self._body = body

    def __call__(self, states: Tensor, positions: Tensor, *, kv: PagedKV, layout: Places, wanted: Tensor) -> Tensor:
        """See `Forward`; ``states`` are overwritten."""
        kv.begin(layout)
        attend = StepAttention(kv, layout, self._body.scaling, self._body.windows)
        return self._body(states, positions, attend, wanted)


def forward_of(loaded: LoadedModel, *, threads: int) -> Forward:
    """What computes a checkpoint."""
    if loaded.body is not None:
        return BodyForward(loaded.body)
    return LibraryForward(loaded.model, threads=threads, team=loaded.team)
