"""From typed fields to one vector: how a position that is an event enters the decoder."""

import torch
from torch import Tensor, nn

from inference.api import EventSchema

CLIP = 6.0  # standard deviations; what lies beyond is a rare value, not a larger one


class EventEncoder(nn.Module):
    """Numbers and categories of an event, projected to the decoder's hidden size.

    T events, N numbers, C categories. Each row stands alone: an event's vector depends on nothing but
    its own fields, so it may be computed in any batch. Numbers are standardised by the buffers ``mean``
    and ``std`` and clipped; a missing one (NaN) becomes zero and a flag says so. Category codes index
    one shared table, every field at its own offset; code 0 is a field's missing value.
    """

    mean: Tensor
    std: Tensor
    offsets: Tensor

    def __init__(self, schema: EventSchema, hidden_size: int) -> None:
        super().__init__()
        count = len(schema.numbers)
        sizes = [category.size for category in schema.categories]
        starts = [sum(sizes[:index]) for index in range(len(sizes))]
        self.register_buffer("mean", torch.zeros(count))
        self.register_buffer("std", torch.ones(count))
        self.register_buffer("offsets", torch.tensor(starts, dtype=torch.int64), persistent=False)
        self.categories = nn.Embedding(sum(sizes), hidden_size)
        self.numbers = nn.Linear(2 * count, hidden_size)
        self.up = nn.Linear(hidden_size, hidden_size)
        self.down = nn.Linear(hidden_size, hidden_size)

    def forward(self, numbers: Tensor, categories: Tensor) -> Tensor:
        """Vectors of T events.

        Args:
            numbers: [T, N] float32, NaN for missing.
            categories: [T, C] int64 codes, 0 for missing.

        Returns:
            [T, hidden] float32.
        """
        missing = torch.isnan(numbers)
        scaled = ((numbers - self.mean) / self.std).clamp(-CLIP, CLIP)
        values = torch.where(missing, torch.zeros_like(scaled), scaled)
        # Added field by field, not by sum(): the order of the additions is part of the contract.
        rows = self.categories(categories + self.offsets)
        first: Tensor = self.numbers(torch.cat([values, missing.to(values.dtype)], dim=-1))
        for row in rows.unbind(dim=1):
            first = first + row
        change: Tensor = self.down(nn.functional.silu(self.up(first)))
        return first + change
