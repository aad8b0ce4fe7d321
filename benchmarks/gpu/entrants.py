"""Who answers: Assay's engine, transformers one request at a time, and transformers' continuous batching."""

import threading
from collections.abc import Callable
from functools import partial
from itertools import count
from typing import Any

import torch

from benchmarks.gpu.models import loaded, random_decoder
from inference.api import GenerateRequest, Precision, Question, ScoreRequest, TokenPosition
from inference.config import EngineConfig
from inference.engine import EngineCore

LABELS = (3, 4, 9)
ASKED = 8  # tokens of a line that are its question
BATCH_TOKENS = 8192
PAGE = 16  # the default of 256 never finds half a record again


class Assay:
    """The engine; ``together`` is how many requests a step may compute for."""

    def __init__(self, shape: str, precision: Precision, *, device: torch.device, together: int = 512) -> None:
        self.name = f"Assay {precision}" + (", one at a time" if together == 1 else "")
        config = EngineConfig(
            device=str(device), precision=precision, threads=torch.get_num_threads(), salt_key=bytes(32),
            memory_mb=0 if device.type == "cuda" else 256, max_batch_positions=BATCH_TOKENS,
            max_batch_requests=together, namespace_quota=1.0, sheds=False, stall_timeout_s=300.0,
        )  # fmt: skip
        self._engine = EngineCore([loaded(shape, precision, device=device)], config)
        self._shape, self._ids = shape, count()
        self._engine.start()

    def ask(self, line: list[int]) -> None:
        """Score one question over a record."""
        positions = tuple(TokenPosition(token) for token in line)
        question = Question(id="q", positions=positions[-ASKED:], labels=LABELS)
        request = ScoreRequest(
            id=f"r{next(self._ids)}", model=self._shape, namespace="bench", record=positions[:-ASKED],
            questions=(question,),
        )  # fmt: skip
        self._engine.submit(request).result()

    def write(self, amount: int, line: list[int]) -> None:
        """Go on with so many likeliest tokens."""
        request = GenerateRequest(
            id=f"r{next(self._ids)}", model=self._shape, namespace="bench",
            record=tuple(TokenPosition(token) for token in line), max_tokens=amount, stop_tokens=frozenset(),
            speculate=False,
        )  # fmt: skip
        self._engine.generate(request).result()

    def close(self) -> None:
        """End the engine's thread."""
        self._engine.stop()


class Transformers:
    """`generate`, one request at a time: what a service without an engine does."""

    def __init__(self, shape: str, *, device: torch.device) -> None:
        self.name = "transformers generate bf16"
        self._model: Any = random_decoder(shape, device=device, dtype=torch.bfloat16)
        self._model.set_attn_implementation("sdpa")
        self._device, self._turn = device, threading.Lock()

    def ask(self, line: list[int]) -> None:
        """The likeliest next token."""
        self._generate(line, 1)

    def write(self, amount: int, line: list[int]) -> None:
        """Go on with so many likeliest tokens."""
        self._generate(line, amount)

    @torch.inference_mode()
    def _generate(self, line: list[int], amount: int) -> None:
        with self._turn:
            tokens = torch.tensor([line], device=self._device)
            self._model.generate(
                tokens, attention_mask=torch.ones_like(tokens), max_new_tokens=amount, do_sample=False, pad_token_id=0
            )

    def close(self) -> None:
        """Nothing runs by itself."""


class ContinuousBatching:
    """transformers' own continuous batching."""

    def __init__(self, shape: str, *, device: torch.device) -> None:
        from transformers import ContinuousBatchingConfig, GenerationConfig

        self.name = "transformers continuous batching bf16"
        model: Any = random_decoder(shape, device=device, dtype=torch.bfloat16)
        model.set_attn_implementation("sdpa")
        make: Any = GenerationConfig
        wanted = make(max_new_tokens=1, do_sample=False, pad_token_id=0, eos_token_id=-1)
        large = device.type == "cuda"
        room = ContinuousBatchingConfig(
            page_size=PAGE, num_blocks=8192 if large else 128, max_batch_tokens=BATCH_TOKENS if large else 1024
        )
        self._manager: Any = model.init_continuous_batching(wanted, room)
        self._manager.start()
        self._ids = count()
        self._waiting: dict[str, threading.Event] = {}
        self._stop = threading.Event()
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def ask(self, line: list[int]) -> None:
        """The likeliest next token. Raises TimeoutError after two minutes."""
        self._generate(line, 1)

    def write(self, amount: int, line: list[int]) -> None:
        """Go on with so many likeliest tokens. Raises TimeoutError after two minutes."""
        self._generate(line, amount)

    def _generate(self, line: list[int], amount: int) -> None:
        name, done = f"r{next(self._ids)}", threading.Event()
        self._waiting[name] = done
        self._manager.add_request(line, request_id=name, max_new_tokens=amount)
        if not done.wait(120.0):
            raise TimeoutError("continuous batching gave no answer")

    def close(self) -> None:
        """End its thread and ours."""
        self._stop.set()
        self._listener.join()
        self._manager.stop(block=True)

    def _listen(self) -> None:
        while not self._stop.is_set():
            result = self._manager.get_result(timeout=0.2)
            if result is not None and result.is_finished():
                self._waiting.pop(result.request_id).set()


def entrants(shape: str, device: torch.device) -> dict[str, Callable[[], Any]]:
    """Makers by name, so that one model at a time is in memory."""
    precisions = (Precision.BF16, Precision.FP16, Precision.INT8, Precision.FP8)
    makers: dict[str, Callable[[], Any]] = {
        f"Assay {precision}": partial(Assay, shape, precision, device=device) for precision in precisions
    }
    makers["Assay bf16, one at a time"] = partial(Assay, shape, Precision.BF16, device=device, together=1)
    makers["transformers generate bf16"] = partial(Transformers, shape, device=device)
    makers["transformers continuous batching bf16"] = partial(ContinuousBatching, shape, device=device)
    return makers
