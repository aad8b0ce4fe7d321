"""A small model that writes summaries in `words`, trained in minutes on what the benchmark generates."""

from itertools import chain, cycle
from pathlib import Path
from typing import Any

import torch
from rich.progress import track
from torch.nn.functional import cross_entropy
from transformers import Qwen3Config, Qwen3ForCausalLM

from benchmarks.article.words import END, WORDS, Form, Talk, talks
from inference.checkpoints import write_sums

SEED = 20_261_127
STEPS = 900
AT_ONCE = {Form.SHORT: 32, Form.DOCUMENT: 12, Form.DIALOGUE: 14}  # some 3,000 words a step
RATE = 2e-3
NOT_ASKED = -100


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
        vocab_size=128,
        hidden_size=192,
        intermediate_size=512,
        num_hidden_layers=4,
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
    forms = cycle(Form)
    for step in track(range(STEPS), "Training the small text model"):
        form = next(forms)
        ids, targets = _batch(talks(form, AT_ONCE[form], seed=SEED + step))
        logits = model(ids[:, :-1]).logits
        loss = cross_entropy(logits.flatten(0, 1), targets[:, 1:].flatten(), ignore_index=NOT_ASKED)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()


def _batch(chosen: list[Talk]) -> tuple[torch.Tensor, torch.Tensor]:
    """[B, T] token ids, and the same with everything but the summaries left out."""
    lines = [torch.tensor([*chain.from_iterable((*turn.told, *turn.summary) for turn in talk)]) for talk in chosen]
    wanted = [
        torch.tensor([*chain.from_iterable((*[NOT_ASKED] * len(turn.told), *turn.summary) for turn in talk)])
        for talk in chosen
    ]
    pad = torch.nn.utils.rnn.pad_sequence
    return pad(lines, batch_first=True), pad(wanted, batch_first=True, padding_value=NOT_ASKED)
