"""One forward pass: chunks of requests in, logits at the positions they ask for out."""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from inference.checkpoints import LoadedModel
from inference.engine.forward import GRANULE, forward_of
from inference.engine.kv import PagedKV
from inference.engine.layout import LayoutBuilder
from inference.engine.prompt import Prompt
from inference.engine.readout import Readout
from inference.engine.spans import SpansBuilder
from inference.engine.work import Chunk


class Runner:
    """A checkpoint and its KV pool. Used by one thread."""

    def __init__(self, loaded: LoadedModel, *, threads: int) -> None:
        self.loaded = loaded
        self._model = loaded.model
        self._forward = forward_of(loaded, threads=threads)
        self._granule, self._head_granule = self._forward.granule, GRANULE * threads
        self._embed: nn.Module = self._model.get_input_embeddings()
        self._head: nn.Module = self._model.get_output_embeddings()  # type: ignore[no-untyped-call]
        weight = self._embed.get_parameter("weight")
        self._hidden, self._dtype, self._device = weight.shape[1], self._forward.dtype, weight.device
        self._head_dtype = next(self._head.parameters()).dtype
        self._shortlist = loaded.shortlist
        self._kv = PagedKV(blocks=1)

    @property
    def vocabulary(self) -> int:
        """Number of token ids."""
        return int(self._model.config.vocab_size)

    def probe(self, work_chunk: Chunk) -> int:
        """Run a small chunk in a pool of a few blocks; returns the most bytes one block takes in any process."""
        self.allocate(len(work_chunk.work.blocks))
        self.run([work_chunk])
        return self.loaded.team.largest(self._kv.bytes_per_block)

    def allocate(self, blocks: int) -> None:
        """Start over with a pool of that many blocks."""
        self.loaded.team.allocate(blocks)
        self._kv = PagedKV(blocks=blocks)

    @torch.inference_mode()
    def zero(self, blocks: list[int]) -> None:
        """Overwrite blocks with zeros."""
        if blocks:
            self.loaded.team.zero(blocks)
            self._kv.zero(blocks)

    @torch.inference_mode()
    def run(self, chunks: Sequence[Chunk]) -> tuple[Readout, list[range]]:
        """Compute chunks.

        Returns:
            The logits at all places that the chunks' tasks ask for, and which rows are each chunk's.
        """
        builder = self._builder()
        for chunk in chunks:
            builder.add(chunk)
        count = sum(chunk.stop - chunk.start for chunk in chunks)
        rows = -(-count // self._granule) * self._granule
        layout = builder.build(rows=rows, device=self._device)
        position_ids = np.zeros(rows, dtype=np.int64)
        position_ids[:count] = np.concatenate([c.work.prompt.position_ids[c.start : c.stop] for c in chunks])
        places, asked = places_of(chunks)
        hidden = self._forward(
            self._embedded(chunks, rows),
            torch.from_numpy(position_ids).to(self._device),
            kv=self._kv,
            layout=layout,
            wanted=torch.tensor(places, dtype=torch.int64, device=self._device),
        )
        plain = [
            row for chunk, rows in zip(chunks, asked, strict=True) if not chunk.work.task.wants_logits for row in rows
        ]
        return self._read(hidden, plain), asked

    def _read(self, hidden: Tensor, plain: list[int]) -> Readout:
        """[W, hidden] to what is asked of each row; of the ``plain`` ones that is the likeliest token."""
        if self._shortlist is None or not plain:
            return Readout(self._logits(hidden))
        tokens = self._shortlist.find(hidden[plain].float()).tolist()
        found = {row: token for row, token in zip(plain, tokens, strict=True) if token >= 0}
        rest = [row for row in range(len(hidden)) if row not in found]
        return Readout(self._logits(hidden[rest]), found=found, rows=len(hidden))

    def _builder(self) -> LayoutBuilder | SpansBuilder:
        loaded = self.loaded
        if loaded.attention is not None:
            return SpansBuilder(loaded.attention, pattern=loaded.sparse)
        return LayoutBuilder(fans=self._device.type == "cpu", pattern=loaded.sparse)

    def _embedded(self, chunks: Sequence[Chunk], rows: int) -> Tensor:
        """[rows, hidden] of the chunks' positions, zero behind them."""
        tokens = np.concatenate([c.work.prompt.tokens[c.start : c.stop] for c in chunks])
        out = torch.zeros(rows, self._hidden, dtype=self._dtype, device=self._device)
        token_at = np.flatnonzero(tokens >= 0)
        if len(token_at):
            ids = torch.from_numpy(tokens[token_at]).to(self._device)
            out[torch.from_numpy(token_at).to(self._device)] = self._embed(ids).to(self._dtype)
        if len(token_at) < len(tokens):
            events = np.concatenate([events_of(c.work.prompt, c.start, c.stop) for c in chunks])
            event_at = torch.from_numpy(np.flatnonzero(tokens < 0)).to(self._device)
            out.index_copy_(0, event_at, self._encoded(events)[: len(events)].to(self._dtype))
        return out

    def _encoded(self, events: np.ndarray[tuple[int, int], np.dtype[np.uint8]]) -> Tensor:
        """[E, packed bytes] to [at least E, hidden], float32."""
        schema, encoder = self.loaded.schema, self.loaded.event_encoder
        assert schema is not None
        assert encoder is not None
        if self.loaded.event_kernel is not None:
            return self.loaded.event_kernel(torch.from_numpy(events))
        padded = np.zeros((-(-len(events) // self._granule) * self._granule, events.shape[1]), dtype=np.uint8)
        padded[: len(events)] = events
        split = 4 * len(schema.numbers)
        numbers = padded[:, :split].copy().view("<f4")
        categories = padded[:, split:].copy().view("<i4").astype(np.int64)
        encoded: Tensor = encoder(
            torch.from_numpy(numbers).to(self._device), torch.from_numpy(categories).to(self._device)
        )
        return encoded

    def _logits(self, hidden: Tensor) -> Tensor:
        """[W, hidden] to [W, V] float32, on the CPU."""
        wanted = len(hidden)
        if not wanted:
            return torch.empty(0, self.vocabulary)
        padded = F.pad(hidden, (0, 0, 0, -wanted % self._head_granule)).to(self._head_dtype)
        logits: Tensor = self._head(padded)
        return logits[:wanted].float().cpu()


def places_of(chunks: Sequence[Chunk]) -> tuple[list[int], list[range]]:
    """Rows of the batch whose logits somebody asks for, and which of them are each chunk's."""
    places: list[int] = []
    rows: list[range] = []
    first = 0  # row of the batch where the chunk begins
    for chunk in chunks:
        asked = chunk.work.task.places(chunk.start, chunk.stop)
        rows.append(range(len(places), len(places) + len(asked)))
        places += [first + place - chunk.start for place in asked]
        first += chunk.stop - chunk.start
    return places, rows


def events_of(prompt: Prompt, start: int, stop: int) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    """[E, packed bytes] of the events between two places in line."""
    first, last = np.searchsorted(prompt.event_at, (start, stop))
    rows: np.ndarray[tuple[int, int], np.dtype[np.uint8]] = prompt.events[first:last]
    return rows
