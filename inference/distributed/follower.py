"""A rank that has no queue, no scheduler and no keys: it does what it is told, in order, until its leader is gone."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import PreTrainedModel

from inference.api import Precision
from inference.checkpoints import LoadedModel, load_checkpoint
from inference.config import EngineConfig
from inference.distributed.division import divide, drop_ends
from inference.distributed.links import LOADING_S, Links
from inference.distributed.wire import Allocate, Forward, Load, Measure, Message, Stop, Zero, decode
from inference.engine import attention
from inference.engine.forward import through_layers
from inference.engine.kv import PagedKV


class Part:
    """This process's part of one checkpoint, and of its pool."""

    def __init__(self, loaded: LoadedModel, links: Links) -> None:
        attention.register()
        loaded.model.set_attn_implementation(attention.NAME)
        drop_ends(loaded.model)
        self.model = loaded.model
        self._body: nn.Module = loaded.model.base_model
        self._links = links
        self._kv = PagedKV(blocks=1)

    @property
    def pool(self) -> PagedKV:
        """Where its layers keep keys and values."""
        return self._kv

    @property
    def block_bytes(self) -> int:
        """Bytes of one block, as far as layers have been seen."""
        return self._kv.bytes_per_block

    def allocate(self, blocks: int) -> None:
        """Start over with a pool of that many blocks."""
        self._kv = PagedKV(blocks=blocks)

    def zero(self, blocks: list[int]) -> None:
        """Overwrite blocks with zeros."""
        self._kv.zero(blocks)

    def forward(self, message: Forward) -> None:
        """Compute this process's part of a step, and pass on what came out."""
        place, tensor = self._links.place, self._links.place.parallel.tensor
        embedded = message.embedded
        if place.stage:
            like = embedded.new_empty(message.rows, embedded.shape[1])
            embedded = self._links.receive(like, place.rank - tensor)
        places, layout = message.position_ids, message.layout
        hidden = through_layers(self._body, embedded, places, kv=self._kv, layout=layout)
        if not place.is_last_stage:
            self._links.send(hidden, place.rank + tensor)
        elif place.stage and not place.shard:
            self._links.send(hidden, 0)


class Follower:
    """What obeys the leader.

    Attributes:
        parts: of the checkpoints, in the order of loading.
    """

    def __init__(self, links: Links, config: EngineConfig) -> None:
        self._links = links
        self._config = config
        self.parts: list[Part] = []

    @torch.inference_mode()
    def follow(self) -> None:
        """Do what is told until it is to stop.

        Raises:
            TeamLost: the leader, or another follower in the middle of a step, is gone.
            CheckpointRefused: a checkpoint is not the one that the leader loads, or cannot be divided.
            WireError: what was heard is no message.
        """
        while not isinstance(message := decode(self._links.hear()), Stop):
            self._obey(message)

    def _obey(self, message: Message) -> None:
        match message:
            case Load(settings):
                self.parts.append(self._load(settings))
            case Allocate(model, blocks):
                self.parts[model].allocate(blocks)
            case Measure(model):
                self._links.largest(self.parts[model].block_bytes, timeout_s=LOADING_S)
            case Zero(model, places):
                self.parts[model].zero(places.tolist())
            case Forward() as batch:
                self.parts[batch.model].forward(batch)

    def _load(self, settings: str) -> Part:
        asked: dict[str, Any] = json.loads(settings)
        precision = Precision(asked["precision"])

        def keep(model: PreTrainedModel) -> None:
            divide(model, self._links, precision=precision)

        loaded = load_checkpoint(
            Path(asked["path"]),
            name="part",
            config=replace(self._config, precision=precision, native=False),
            expected_digest=asked["digest"],
            divide=keep,
        )
        self._links.largest(loaded.weight_bytes, timeout_s=LOADING_S)
        return Part(loaded, self._links)
