"""The checkpoints that everybody runs: random weights, and a tokenizer trained on generated text.

Scoring peers that can only generate answer with the likeliest token of the whole vocabulary. So that
this is the likeliest label as well, the labels' rows of the (tied) head are made longer than the others'.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    PreTrainedModel,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

from inference.checkpoints import write_sums

SEED = 20_261_125
LABELS = (300, 301, 302, 303, 304, 305)
LABEL_ROW = 40.0  # times the length of the other rows: at 15, other tokens exceeded the best of 6 in 1 of 16 prompts
SPECIAL = ("<pad>", "<bos>", "<eos>")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A checkpoint of the table; ``vocabulary`` is kept small, since nobody scores more than labels."""

    name: str
    title: str
    config: Any
    model: type[PreTrainedModel]
    vocabulary: int


COMMON: dict[str, Any] = {
    "tie_word_embeddings": True,
    "max_position_embeddings": 4096,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
SMALL = Shape(
    name="qwen3-27m",
    title="27 M parameters",
    model=Qwen3ForCausalLM,
    vocabulary=8192,
    config=Qwen3Config(
        vocab_size=8192,
        hidden_size=512,
        intermediate_size=1408,
        num_hidden_layers=8,
        num_attention_heads=8,
        num_key_value_heads=4,
        head_dim=64,
        **COMMON,
    ),
)
HALF_BILLION = Shape(
    name="qwen2-0.5b",
    title="Qwen2.5-0.5B shape, 32,768 tokens in its vocabulary",
    model=Qwen2ForCausalLM,
    vocabulary=32768,
    config=Qwen2Config(
        vocab_size=32768,
        hidden_size=896,
        intermediate_size=4864,
        num_hidden_layers=24,
        num_attention_heads=14,
        num_key_value_heads=2,
        **COMMON,
    ),
)
SHAPES = {shape.name: shape for shape in (SMALL, HALF_BILLION)}


def make(shape: Shape, folder: Path) -> Path:
    """Write the checkpoint once, sealed, with its tokenizer; later calls find it there."""
    path = folder / shape.name
    if not (path / "SHA256SUMS").exists():
        torch.manual_seed(SEED)
        model: Any = shape.model(shape.config)
        with torch.no_grad():
            model.get_input_embeddings().weight[list(LABELS)] *= LABEL_ROW
        model.save_pretrained(path)
        _tokenizer(shape.vocabulary).save_pretrained(path)
        write_sums(path)
    return path


def _tokenizer(vocabulary: int) -> PreTrainedTokenizerFast:
    bare = Tokenizer(models.BPE())
    bare.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bare.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary - 8,
        special_tokens=list(SPECIAL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bare.train_from_iterator(_sentences(random.Random(SEED), words=2 * vocabulary), trainer)
    wrapped: PreTrainedTokenizerFast = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=bare, pad_token=SPECIAL[0], bos_token=SPECIAL[1], eos_token=SPECIAL[2]
    )
    return wrapped


def _sentences(chance: random.Random, *, words: int) -> Iterator[str]:
    syllables = [
        first + vowel + last for first in "bdfgklmnprstvz" for vowel in "aeiou" for last in ("", "n", "r", "s")
    ]
    known = ["".join(chance.choices(syllables, k=chance.randint(2, 4))) for _ in range(words)]
    for start in range(0, words, 8):
        yield " ".join((*known[start : start + 8], *chance.choices(known, k=8)))
