"""The model that is trained: a plain Qwen3 decoder behind an event encoder."""

import torch
from torch import Tensor, nn
from transformers import Qwen3Config, Qwen3ForCausalLM

from inference.encoders.events import EventEncoder
from riskscore.encoding import SCHEMA, VOCABULARY
from training.batches import Batch
from training.dataset import Account


def small_config() -> Qwen3Config:
    """1.9 million parameters: 4 layers, width 192, 4 query heads over 2 key/value heads of 64."""
    return Qwen3Config(
        vocab_size=VOCABULARY,
        hidden_size=192,
        intermediate_size=512,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=64,
        max_position_embeddings=1024,
        tie_word_embeddings=True,
        rope_parameters={"rope_type": "default", "rope_theta": 10000.0},
        bos_token_id=None,
        eos_token_id=None,
        pad_token_id=None,
    )


class Scorer(nn.Module):
    """Reads batches and answers questions with logits over the vocabulary."""

    def __init__(self, config: Qwen3Config) -> None:
        super().__init__()
        self.decoder = Qwen3ForCausalLM(config)
        self.event_encoder = EventEncoder(SCHEMA, config.hidden_size)

    def forward(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """[Q / 2, V] logits of the fraud questions and of the anomaly questions, float32."""
        rows, length = batch.tokens.shape
        inputs: Tensor = self.decoder.model.embed_tokens(batch.tokens)
        events = self.event_encoder(batch.numbers, batch.codes)
        inputs = inputs.reshape(rows * length, -1).index_copy(0, batch.event_slots, events.to(inputs.dtype))
        hidden = self.decoder.model(
            inputs_embeds=inputs.view(rows, length, -1),
            attention_mask=batch.mask,
            position_ids=batch.positions,
            use_cache=False,
        ).last_hidden_state.reshape(rows * length, -1)
        read = hidden[torch.cat([batch.fraud_slots, batch.anomaly_slots])]
        fraud, anomaly = self.decoder.lm_head(read).float().chunk(2)
        return fraud, anomaly

    def standardise(self, accounts: list[Account]) -> None:
        """Set the encoder's mean and spread of every number from the accounts, missing values aside."""
        numbers = torch.cat([torch.from_numpy(account.numbers) for account in accounts])
        profiles = torch.cat([torch.from_numpy(account.profiles) for account in accounts])
        profile_mean, profile_std = _moments(profiles)
        mean, std = _moments(numbers)
        mean[-profiles.shape[1] :], std[-profiles.shape[1] :] = profile_mean, profile_std
        self.event_encoder.mean.copy_(mean)
        self.event_encoder.std.copy_(std)


def _moments(values: Tensor) -> tuple[Tensor, Tensor]:
    present = ~torch.isnan(values)
    count = present.sum(0).clamp(min=1)
    mean = values.nan_to_num().double().sum(0) / count
    variance = torch.where(present, (values - mean).double() ** 2, 0.0).sum(0) / count
    return mean.float(), variance.sqrt().float().clamp(min=0.05)
