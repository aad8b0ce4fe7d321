"""The fast body against the unmodified model, and against the eager INT8 path."""

import pytest
import torch
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

from inference.api import Precision
from inference.bodies.llama import make_llama_body
from tests.checkpoints import GROUPED, SHAPE, make_llama, make_mistral, make_qwen2, make_qwen2_windowed, make_qwen3
from tests.inference.engine.requests import ask, largest_difference, logits, serving, tokens

SUFFIXES = (tokens(3, seed=5), tokens(9, seed=7), tokens(40, seed=8))


def answers(path, precision=Precision.INT8, *, native=True):
    with serving(path, precision, native=native) as engine:
        return logits(engine.submit(ask(tokens(200, seed=1), *SUFFIXES)).result())


@pytest.mark.parametrize("make", [make_llama, make_mistral, make_qwen2, make_qwen2_windowed, make_qwen3])
def test_it_scores_as_the_unmodified_model_within_what_int8_costs(library, tmp_path, make):
    path = make(tmp_path)
    exact, eager = answers(path, Precision.FP32), answers(path, native=False)

    native = answers(path)

    assert largest_difference(native, exact) < 0.16  # logits reach 2
    assert largest_difference(native, eager) < 0.12  # the eager path rounds to bfloat16 between its steps


MODELS = [
    (LlamaForCausalLM, LlamaConfig, {"mlp_bias": True, "attention_bias": True}),
    (LlamaForCausalLM, LlamaConfig, {"rope_parameters": {"rope_type": "linear", "factor": 2.0, "rope_theta": 1e4}}),
    (Qwen2ForCausalLM, Qwen2Config, {}),
    (Qwen3ForCausalLM, Qwen3Config, {"attention_bias": True}),
]


def body_and_model(library, model_class, config_class, changes):
    torch.manual_seed(1)
    model = model_class(config_class(**SHAPE | GROUPED | changes)).eval()
    for name, parameter in model.named_parameters():
        parameter.data += 0.1 * torch.randn(parameter.shape) if name.endswith("bias") else 0.0
    return make_llama_body(model, library), model


@torch.inference_mode()
@pytest.mark.parametrize(("model_class", "config_class", "changes"), MODELS)
def test_its_states_are_those_of_the_library(library, model_class, config_class, changes):
    body, model = body_and_model(library, model_class, config_class, changes)
    states, positions = torch.randn(1, 70, 128), torch.arange(70)
    expected = model.model(inputs_embeds=states).last_hidden_state[0]

    def attend(_layer, query, key, value, *, wanted):
        q, k, v = (x.float().transpose(0, 1)[None] for x in (query, key, value))
        out = torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)
        return out[0].transpose(0, 1).bfloat16().contiguous()

    found = body(states[0].clone(), positions, attend, torch.arange(70))

    assert (found - expected).norm() / expected.norm() < 0.04


def test_it_knows_each_layers_window(library):
    window = {"use_sliding_window": True, "sliding_window": 8, "max_window_layers": 1}
    qwen, _ = body_and_model(library, Qwen2ForCausalLM, Qwen2Config, window)
    mistral, _ = body_and_model(library, MistralForCausalLM, MistralConfig, {"sliding_window": 9})
    llama, _ = body_and_model(library, *MODELS[0])

    assert [body.windows for body in (qwen, mistral, llama)] == [(None, 8), (9, 9), (None, None)]


def passed_on(_layer, query, _key, _value, *, wanted):
    """As if every position attended to itself alone, with its query for a value."""
    return query.contiguous()


@torch.inference_mode()
def test_it_returns_the_wanted_rows_alone(library):
    body, _ = body_and_model(library, *MODELS[0])
    states, positions = torch.randn(40, 128, generator=torch.Generator().manual_seed(4)), torch.arange(40)
    whole = body(states.clone(), positions, passed_on, torch.arange(40))

    some = body(states.clone(), positions, passed_on, torch.tensor([39, 7]))

    assert torch.equal(some, whole[[39, 7]])


@pytest.mark.parametrize(
    ("model_class", "config_class", "changes"),
    [
        (LlamaForCausalLM, LlamaConfig, {"hidden_act": "gelu"}),
        (
            LlamaForCausalLM,
            LlamaConfig,
            {"rope_parameters": {"rope_type": "dynamic", "factor": 2.0, "rope_theta": 1e4}},
        ),
    ],
)
def test_it_leaves_other_architectures_alone(library, model_class, config_class, changes):
    model = model_class(config_class(**SHAPE | GROUPED | changes))

    assert make_llama_body(model, library) is None
