"""A tiny checkpoint that reads and writes text."""

from pathlib import Path
from typing import Any

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from inference.checkpoints import write_sums
from tests.checkpoints import make_qwen3

END = 0
TEXTS = ('{"risk": "high", "amount": 12}', "The amount is high. The risk is low.", "naïve café 北京 – done")


def tokenizer() -> Tokenizer:
    """Byte-level pairs over a few sentences: 400 tokens, the first an end of text."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=["<end>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    made.train_from_iterator(TEXTS * 20, trainer)
    return made


def make_writer(path: Path, **changes: Any) -> Path:
    """`make_qwen3` with a tokenizer and an end of text."""
    make_qwen3(path, **{"vocab_size": 416, "eos_token_id": END} | changes)
    tokenizer().save(str(path / "tokenizer.json"))
    write_sums(path)
    return path
