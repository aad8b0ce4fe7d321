"""A checkpoint compiled by OpenVINO: one padded batch a request, no cache, no generation.

The graph reads embedded positions, so it serves event models too; embedding and event encoding stay in torch. With
no cache every record is read whole, and nothing is left behind for anybody.
"""

import importlib
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from inference.api import (
    EngineStats,
    GeneratedTokens,
    GenerateRequest,
    GenerateResult,
    InvalidRequest,
    Precision,
    ScoreRequest,
    ScoreResult,
    UnknownModel,
    Usage,
)
from inference.backends.base import Ability, BackendRefused, Served
from inference.backends.desk import Desk, Flight
from inference.backends.reading import answer_of
from inference.checkpoints import LoadedModel, load_checkpoint
from inference.config import EngineConfig
from inference.engine.prompt import Prompt, lay_out
from inference.metrics import EngineObserver
from inference.threads import one_thread

FloatArray = NDArray[np.float32]
HINTS = {Precision.FP32: "f32", Precision.BF16: "bf16"}
PAD = 64  # positions a batch's length is a multiple of, so that few shapes are compiled
NEVER = -1e9  # added to a score that must not count


class OpenVinoBackend:
    """Implements `inference.backends.base.Backend`, on a CPU."""

    name = "openvino"

    def __init__(
        self, models: Sequence["CompiledModel"], config: EngineConfig, *, observer: EngineObserver | None = None
    ) -> None:
        self._models = {model.loaded.name: model for model in models}
        self._desk = Desk(workers=1, max_queue=config.max_queue, observer=observer)

    def start(self) -> None:
        """See `Backend.start`; the models are compiled already."""

    def stop(self) -> None:
        """See `Backend.stop`."""
        self._desk.close()

    def served(self, model: str) -> Served:
        """See `Backend.served`."""
        return Served(ref=self._models[model].loaded.ref, window=self._models[model].loaded.window)

    def abilities(self, model: str) -> frozenset[Ability]:
        """See `Backend.abilities`."""
        events = self._models[model].loaded.schema is not None
        return frozenset({Ability.SCORE, Ability.SALT, Ability.PURGE} | ({Ability.EVENTS} if events else set()))

    def submit(self, request: ScoreRequest) -> "Future[ScoreResult]":
        """See `Engine.submit`."""
        model = self._models.get(request.model)
        if model is None:
            raise UnknownModel("no model of that name is served")
        prompt = model.lay_out(request)
        return self._desk.take(request, lambda flight: model.score(flight, request, prompt))

    def generate(
        self,
        request: GenerateRequest,
        on_tokens: Callable[[GeneratedTokens], None] | None = None,  # noqa: ARG002 - there are none
    ) -> "Future[GenerateResult]":
        """Raises UnknownModel, or InvalidRequest: a graph without a cache does not generate."""
        if request.model not in self._models:
            raise UnknownModel("no model of that name is served")
        raise InvalidRequest("the openvino backend scores only")

    def cancel(self, request_id: str) -> bool:
        """See `Engine.cancel`."""
        return self._desk.cancel(request_id)

    def purge(self, namespace: str) -> int:  # noqa: ARG002 - nothing is kept of any
        """See `Engine.purge`; nothing is ever cached."""
        return 0

    def stats(self) -> EngineStats:
        """See `Engine.stats`."""
        return self._desk.stats()

    def drain(self, *, timeout_s: float) -> bool:
        """See `Engine.drain`."""
        return self._desk.drain(timeout_s=timeout_s)


class CompiledModel:
    """A checkpoint as a graph. Used by one thread at a time.

    B sequences of T positions, V tokens.
    """

    def __init__(self, loaded: LoadedModel, graph: Callable[[list[Any]], Any]) -> None:
        self.loaded = loaded
        self._graph = graph
        self._embed: nn.Module = loaded.model.get_input_embeddings()
        self._vocabulary = int(loaded.model.config.vocab_size)

    def lay_out(self, request: ScoreRequest) -> Prompt:
        """Check a request. Raises InvalidRequest, WindowExceeded."""
        return lay_out(request, schema=self.loaded.schema, window=self.loaded.window, vocabulary=self._vocabulary)

    @torch.inference_mode()
    def score(self, flight: Flight, request: ScoreRequest, prompt: Prompt) -> ScoreResult:
        """Answer all questions in one padded batch. Raises Unreadable."""
        started_at = time.monotonic()
        logits = self._logits(prompt)
        rows = logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)
        answers = tuple(
            answer_of(question, row[list(question.labels)].tolist())
            for question, row in zip(request.questions, rows, strict=True)
        )
        return ScoreResult(
            request_id=request.id,
            answers=answers,
            usage=Usage(total=prompt.total, cached=0, shared=0, computed=prompt.total),
            model=self.loaded.ref,
            queue_ms=1000.0 * (started_at - flight.submitted_at),
            compute_ms=1000.0 * (time.monotonic() - started_at),
        )

    def _logits(self, prompt: Prompt) -> NDArray[np.float64]:
        """[B, V] at the last position of every question."""
        line = self._embedded(prompt)
        lengths = [prompt.record + stop - start for start, stop in prompt.branches]
        batch = np.zeros((len(lengths), -(-max(lengths) // PAD) * PAD, line.shape[1]), dtype=np.float32)
        for row, (start, stop), length in zip(batch, prompt.branches, lengths, strict=True):
            row[: prompt.record] = line[: prompt.record]
            row[prompt.record : length] = line[start:stop]
        last = np.array(lengths, dtype=np.int64) - 1
        logits: FloatArray = self._graph([batch, last])[0]
        return logits.astype(np.float64)

    def _embedded(self, prompt: Prompt) -> FloatArray:
        """[P, hidden] of the positions in line."""
        with one_thread():
            out: Tensor = self._embed(torch.from_numpy(np.maximum(prompt.tokens, 0))).float()
            if len(prompt.event_at):
                encoder, schema = self.loaded.event_encoder, self.loaded.schema
                assert encoder is not None
                assert schema is not None
                split = 4 * len(schema.numbers)
                numbers = torch.from_numpy(prompt.events[:, :split].copy().view("<f4"))
                codes = torch.from_numpy(prompt.events[:, split:].copy().view("<i4").astype(np.int64))
                out[torch.from_numpy(prompt.event_at)] = encoder(numbers, codes)
        embedded: FloatArray = out.numpy()
        return embedded


def load_compiled(path: Path, *, name: str, config: EngineConfig, expected_digest: str | None = None) -> CompiledModel:
    """Verify a checkpoint folder as `load_checkpoint` does, and compile it.

    Raises:
        CheckpointRefused: see `load_checkpoint`.
        BackendRefused: OpenVINO is not installed, or the configuration asks for what it is not used for.
    """
    if config.precision not in HINTS or config.device != "cpu":
        raise BackendRefused(
            "the openvino backend computes in fp32 or bf16 on a CPU; set ASSAY_ENGINE_PRECISION to one of them"
        )
    runtime = _openvino()
    exact = replace(config, precision=Precision.FP32)
    loaded = load_checkpoint(path, name=name, config=exact, expected_digest=expected_digest)
    graph = _compile(runtime, loaded, config)
    ref = replace(loaded.ref, precision=config.precision, kernels=f"openvino-{runtime.__version__.split('-')[0]}")
    return CompiledModel(replace(loaded, ref=ref), graph)


def _compile(runtime: Any, loaded: LoadedModel, config: EngineConfig) -> Callable[[list[Any]], Any]:
    hidden = loaded.model.config.hidden_size
    example = (torch.zeros(2, PAD, hidden), torch.tensor([0, PAD - 1]))
    with one_thread(), torch.no_grad():
        graph = runtime.convert_model(_Decoder(loaded.model).eval(), example_input=example)
    graph.reshape({0: [-1, -1, hidden], 1: [-1]})
    settings = {"INFERENCE_PRECISION_HINT": HINTS[config.precision], "INFERENCE_NUM_THREADS": config.threads}
    compiled: Callable[[list[Any]], Any] = runtime.Core().compile_model(graph, "CPU", settings)
    return compiled


def _openvino() -> Any:
    # Converting a model would report the use to its maker; without the package that reports, a stub takes its place.
    sys.modules.setdefault("openvino_telemetry", cast("ModuleType", None))
    try:
        return importlib.import_module("openvino")
    except ImportError as error:
        raise BackendRefused("OpenVINO is not installed: pip install -r requirements/openvino.txt") from error


class _Decoder(nn.Module):
    """What is traced: a decoder from embedded positions to the logits at one position of each sequence."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.body = model.base_model
        self.head = model.get_output_embeddings()

    def forward(self, embedded: Tensor, last: Tensor) -> Tensor:
        """[B, T, hidden] and [B] to [B, V]. What stands behind the last position changes nothing."""
        place = torch.arange(embedded.shape[1])
        # A mask and places given here keep transformers from looking for several sequences in a row of a batch, by
        # an operation that OpenVINO does not have.
        mask = torch.where(place[:, None] >= place[None], 0.0, NEVER)[None, None]
        hidden = self.body(
            inputs_embeds=embedded, attention_mask=mask, position_ids=place[None], use_cache=False
        ).last_hidden_state
        logits: Tensor = self.head(hidden[torch.arange(hidden.shape[0]), last])
        return logits
