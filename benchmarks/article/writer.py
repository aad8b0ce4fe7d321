"""A small model that writes summaries in `benchmarks.words`, trained in two minutes on what the benchmark generates."""

from pathlib import Path
from typing import Any

import torch
from rich.progress import track
from torch.nn.functional import cross_entropy
from transformers import Qwen3Config, Qwen3ForCausalLM

from benchmarks.words import END, WORDS, Text, texts
from inference.checkpoints import write_sums

SEED = 20_261_127
STEPS, AT_ONCE, LONGEST = 500, 32, 88
RATE = 2e-3


def trained(folder: Path) -> Path:
    """The checkpoint, sealed; trained where it is not there yet."""
    if not (folder / "SHA256SUMS").exists():
        torch.manual_seed(SEED)
        model: Any = Qwen3ForCausalLM(_shape())
        _train(model)
        model.save_pretrained(folder)
        write_sums(folder)
    return folder


def _shape() -> Qwen3Config:
    return Qwen3Config(
        vocab_size=64,
        hidden_size=128,
        intermediate_size=384,
        num_hidden_layers=3,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=64,
        max_position_embeddings=1024,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=END,
    )


def _train(model: Any) -> None:
    assert len(WORDS) <= model.config.vocab_size
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=RATE, total_steps=STEPS)
    stream = texts(STEPS * AT_ONCE, seed=SEED)
    for step in track(range(STEPS), "Training the small text model"):
        ids, targets = _batch(stream[step * AT_ONCE : (step + 1) * AT_ONCE])
        logits = model(ids[:, :-1]).logits
        loss = cross_entropy(logits.flatten(0, 1), targets[:, 1:].flatten(), ignore_index=-100)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()


def _batch(chosen: list[Text]) -> tuple[torch.Tensor, torch.Tensor]:
    """[B, T] token ids, and the same with everything but the summaries left out."""
    ids = torch.zeros(len(chosen), LONGEST, dtype=torch.int64)
    targets = torch.full_like(ids, -100)
    for row, text in enumerate(chosen):
        whole = torch.tensor((*text.record, *text.summary))
        ids[row, : len(whole)] = whole
        targets[row, len(text.record) : len(whole)] = whole[len(text.record) :]
    return ids, targets
