"""The engine's logits against the unmodified Hugging Face model, question by question."""

import numpy as np
import pytest
import torch

from inference.api import Position, Precision, ScoreRequest, TokenPosition
from inference.checkpoints import LoadedModel
from tests.checkpoints import SCHEMA, load, make_deepseek_v2
from tests.inference.engine.requests import LABELS, ask, events, largest_difference, logits, serving, tokens

WINDOWED = ["mistral", "gemma3", "qwen2_windowed"]
FAMILIES = ["llama", "qwen2", "qwen3", "qwen3_moe", "deepseek_v2", "deepseek", *WINDOWED]
SUFFIXES = ((tokens(3, seed=5)), (tokens(3, seed=6)), (tokens(9, seed=7)), (tokens(40, seed=8)))


def embedded(loaded: LoadedModel, position: Position) -> torch.Tensor:
    """[hidden] of one position, by itself."""
    embed, encode = loaded.model.get_input_embeddings(), loaded.event_encoder
    if isinstance(position, TokenPosition):
        vector: torch.Tensor = embed(torch.tensor(position.token))
        return vector
    assert encode is not None
    numbers = np.frombuffer(position.packed, "<f4", len(SCHEMA.numbers))
    codes = np.frombuffer(position.packed, "<i4", offset=4 * len(SCHEMA.numbers)).astype(np.int64)
    rows: torch.Tensor = encode(torch.tensor(numbers)[None], torch.tensor(codes)[None])
    return rows[0]


@torch.inference_mode()
def plain_logits(loaded: LoadedModel, request: ScoreRequest) -> list[tuple[float, ...]]:
    """Each question read after its own copy of the record, by the library's own attention."""
    answers = []
    for question in request.questions:
        line = torch.stack([embedded(loaded, position) for position in request.record + question.positions])
        last = loaded.model(inputs_embeds=line[None], use_cache=False).logits[0, -1]
        answers.append(tuple(last[list(LABELS)].tolist()))
    return answers


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("record", [0, 17, 300])
def test_tokens_score_as_in_the_unmodified_model(checkpoints, family, record):
    request = ask(tokens(record, seed=1), *SUFFIXES)
    expected = plain_logits(load(checkpoints[family], Precision.FP32), request)

    with serving(checkpoints[family], Precision.FP32) as engine:
        cold, warm = (engine.submit(request).result() for _ in range(2))

    assert largest_difference(logits(cold), expected) < 2e-5
    assert largest_difference(logits(warm), expected) < 2e-5
    assert warm.usage.cached == record // 16 * 16


@pytest.mark.parametrize("precision", [Precision.FP16, Precision.BF16])
@pytest.mark.parametrize(
    "family", ["qwen2", "qwen3_moe", "deepseek_v2", "deepseek", "mistral", "gemma3", "qwen2_windowed"]
)
def test_half_precisions_stay_near_float32(checkpoints, family, precision):
    request = ask(tokens(40, seed=1), *SUFFIXES)
    expected = plain_logits(load(checkpoints[family], Precision.FP32), request)

    with serving(checkpoints[family], precision) as engine:
        answer = engine.submit(request).result()

    assert 0.0 < largest_difference(logits(answer), expected) < 0.25


def test_a_deepseek_with_query_latents_and_groups_of_experts_scores_as_in_the_unmodified_model(tmp_path):
    path = make_deepseek_v2(tmp_path, q_lora_rank=48, n_group=4, topk_group=2, topk_method="group_limited_greedy")
    request = ask(tokens(130, seed=1), *SUFFIXES)
    expected = plain_logits(load(path, Precision.FP32), request)

    with serving(path, Precision.FP32) as engine:
        answer = engine.submit(request).result()

    assert largest_difference(logits(answer), expected) < 2e-5


def test_events_score_as_in_the_unmodified_model(checkpoints):
    request = ask(events(100, seed=1), (*events(2, seed=2), TokenPosition(1)), tokens(1, seed=3))
    expected = plain_logits(load(checkpoints["events"], Precision.FP32), request)

    with serving(checkpoints["events"], Precision.FP32) as engine:
        answer = engine.submit(request).result()

    assert largest_difference(logits(answer), expected) < 2e-5


def test_probabilities_and_label_mass_are_those_of_the_whole_vocabulary(qwen3):
    record, asked = tokens(20, seed=1), tokens(2, seed=2)
    request = ask(record, asked)
    model = load(qwen3, Precision.FP32).model
    line = torch.tensor([[position.token for position in record + asked]])
    whole = torch.softmax(model(line).logits[0, -1].double(), dim=-1)[list(LABELS)]

    with serving(qwen3, Precision.FP32) as engine:
        [answer] = engine.submit(request).result().answers

    assert answer.label_mass == pytest.approx(float(whole.sum()), rel=1e-5)
    assert answer.probabilities == pytest.approx((whole / whole.sum()).tolist(), rel=1e-5)
