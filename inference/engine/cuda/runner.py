"""One forward pass on a device: one transfer there, one back, nothing in between waits for the host."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from inference.api import GenerateRequest, ScoreRequest
from inference.checkpoints import LoadedModel
from inference.engine.cuda import attention
from inference.engine.cuda.attention import DeviceKV
from inference.engine.cuda.graphs import DecodeGraphs
from inference.engine.cuda.layout import Arrays, DeviceLayout, LayoutArrays
from inference.engine.cuda.readout import DeviceReadout, Labels
from inference.engine.cuda.staging import Staging
from inference.engine.readout import Readout
from inference.engine.runner import events_of, places_of
from inference.engine.work import Chunk, Work

GRAPHS_MB = 1024  # that graphs may take at most
ROWS = 32  # a batch is a multiple of it: `_int_mm` takes no fewer than 17 rows, and tensor cores take 16 at once


class DeviceRunner:
    """A checkpoint and its pool on a device. Used by one thread; runs on a CPU too, slowly, for the tests."""

    def __init__(self, loaded: LoadedModel) -> None:
        attention.register()
        self.loaded = loaded
        model = loaded.model
        model.set_attn_implementation(attention.NAME)
        self.vocabulary = int(model.config.vocab_size)
        self.body: nn.Module = model.base_model
        self.embed: nn.Module = model.get_input_embeddings()
        self.head: nn.Module = model.get_output_embeddings()  # type: ignore[no-untyped-call]
        self.device = self.embed.get_parameter("weight").device
        self.kv = DeviceKV(blocks=1)
        self.staging = Staging(self.device)
        self.graphs: DecodeGraphs | None = None

    def probe(self, chunk: Chunk) -> int:
        """Run a small chunk in a pool of a few blocks; returns the bytes one block takes."""
        self.kv = DeviceKV(blocks=len(chunk.work.blocks))
        self.run([chunk])
        return self.kv.bytes_per_block

    def allocate(self, blocks: int) -> None:
        """Start over with a pool of that many blocks, and capture decode steps over it."""
        seen, self.kv = self.kv, DeviceKV(blocks=blocks)
        self.kv.make(seen)
        self.graphs = DecodeGraphs(self, window=self.loaded.window)
        if self.kv.pools:
            self.graphs.capture(memory_mb=GRAPHS_MB)

    @torch.inference_mode()
    def zero(self, blocks: list[int]) -> None:
        """Overwrite blocks with zeros."""
        self.kv.zero(blocks)

    @torch.inference_mode()
    def run(self, chunks: Sequence[Chunk]) -> tuple[Readout, list[range]]:
        """Compute chunks.

        Returns:
            The logits at all places that the chunks' tasks ask for, and which rows are each chunk's.
        """
        places, rows_of = places_of(chunks)
        labels = _labels(chunks, rows_of)
        asked = _asked(places, labels)
        built = LayoutArrays()
        for chunk in chunks:
            built.add(chunk, decodes_from=_decodes_from(chunk.work))
        if built.only_decodes and self.graphs is not None:
            tokens = np.concatenate([chunk.work.prompt.tokens[chunk.start : chunk.stop] for chunk in chunks])
            return self._read(self.graphs.run(tokens, built.contexts), self.staging.send(asked), labels), rows_of
        count = sum(chunk.stop - chunk.start for chunk in chunks)
        rows = -(-count // ROWS) * ROWS
        sent = self.staging.send(built.arrays(rows=rows) | self._inputs(chunks, rows) | asked)
        layout = built.layout(sent, self.kv.pools)
        hidden = self.forward(self._embedded_from(sent), sent["position_ids"], layout)
        return self._read(hidden, sent, labels), rows_of

    def forward(self, embedded: Tensor, position_ids: Tensor, layout: DeviceLayout) -> Tensor:
        """[T, hidden] and [T] positions to [T, hidden] states after the last layer."""
        self.kv.begin(layout)
        hidden: Tensor = self.body(
            inputs_embeds=embedded.unsqueeze(0),
            position_ids=position_ids.unsqueeze(0),
            past_key_values=self.kv,
            use_cache=True,
            layout=layout,
        ).last_hidden_state[0]
        return hidden

    def _inputs(self, chunks: Sequence[Chunk], rows: int) -> Arrays:
        """Tokens and positions of the batch, and its events' packed fields."""
        tokens, position_ids = np.zeros(rows, dtype=np.int64), np.zeros(rows, dtype=np.int64)
        given = np.concatenate([c.work.prompt.tokens[c.start : c.stop] for c in chunks])
        tokens[: len(given)] = np.maximum(given, 0)
        position_ids[: len(given)] = np.concatenate([c.work.prompt.position_ids[c.start : c.stop] for c in chunks])
        event_at = np.flatnonzero(given < 0)
        inputs: Arrays = {"tokens": tokens, "position_ids": position_ids}
        if len(event_at) and self.loaded.schema is not None:
            events = np.concatenate([events_of(c.work.prompt, c.start, c.stop) for c in chunks])
            split = 4 * len(self.loaded.schema.numbers)
            numbers = events[:, :split].copy().view("<f4")
            inputs |= {"event_at": event_at, "numbers": numbers, "codes": events[:, split:].copy().view("<i4")}
        return inputs

    def _embedded_from(self, sent: dict[str, Tensor]) -> Tensor:
        """[rows, hidden]; what fills the batch up is token 0."""
        out: Tensor = self.embed(sent["tokens"])
        if "event_at" in sent:
            assert self.loaded.event_encoder is not None
            encoded = self.loaded.event_encoder(sent["numbers"], sent["codes"].long())
            out = out.index_copy(0, sent["event_at"], encoded.to(out.dtype))
        return out

    def _read(self, hidden: Tensor, sent: dict[str, Tensor], labels: Labels) -> Readout:
        if "places" not in sent:
            return Readout(torch.empty(0, self.vocabulary))
        return DeviceReadout(self.head(hidden[sent["places"]]).float(), labels, sent)


def _decodes_from(work: Work) -> int | None:
    """Where in line a generation's own tokens begin; None for what generates nothing."""
    return len(work.request.record) if isinstance(work.request, GenerateRequest) else None


def _labels(chunks: Sequence[Chunk], rows: Sequence[range]) -> Labels:
    """The labels of the question that each row of the readout ends, where it ends one."""
    found: Labels = {}
    for chunk, mine in zip(chunks, rows, strict=True):
        if isinstance(chunk.work.request, ScoreRequest):
            ends = zip(chunk.work.request.questions, chunk.work.prompt.branches, strict=True)
            asked = [question.labels for question, (_, stop) in ends if chunk.start < stop <= chunk.stop]
            found |= dict(zip(mine, asked, strict=True))
    return found


def _asked(places: Sequence[int], labels: Labels) -> Arrays:
    """Rows of the batch to read, and where among their logits the labels stand."""
    if not places:
        return {}
    columns = {
        "places": places,
        "label_rows": [row for row, tokens in labels.items() for _ in tokens],
        "labels": [token for tokens in labels.values() for token in tokens],
    }
    return {name: np.array(column, dtype=np.int64) for name, column in columns.items()}
