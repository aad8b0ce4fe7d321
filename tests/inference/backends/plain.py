"""What the unmodified Hugging Face model says, question by question."""

from collections.abc import Sequence

import torch

from inference.api import Position, ScoreRequest
from inference.checkpoints import LoadedModel
from tests.inference.engine.test_architectures import embedded


@torch.inference_mode()
def plain_answers(loaded: LoadedModel, request: ScoreRequest) -> list[float]:
    """Of every question: its labels' shares among themselves, then their share of the whole vocabulary."""
    numbers: list[float] = []
    for question in request.questions:
        whole = torch.softmax(_logits(loaded, request.record + question.positions), dim=-1)[list(question.labels)]
        numbers += [*(whole / whole.sum()).tolist(), float(whole.sum())]
    return numbers


@torch.inference_mode()
def plain_tokens(loaded: LoadedModel, record: Sequence[Position], count: int) -> tuple[int, ...]:
    """The likeliest token after a record, again and again."""
    line = torch.stack([embedded(loaded, position) for position in record])
    embed, tokens = loaded.model.get_input_embeddings(), []
    for _ in range(count):
        logits = loaded.model(inputs_embeds=line[None], use_cache=False).logits[0, -1]
        tokens.append(int(logits.argmax()))
        line = torch.cat([line, embed(torch.tensor(tokens[-1:]))])
    return tuple(tokens)


def _logits(loaded: LoadedModel, positions: Sequence[Position]) -> torch.Tensor:
    line = torch.stack([embedded(loaded, position) for position in positions])
    logits: torch.Tensor = loaded.model(inputs_embeds=line[None], use_cache=False).logits[0, -1].double()
    return logits
