"""Rank 0: it has the queue, the scheduler and the cache's keys, and tells the others what each step computes."""

import json
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor
from transformers import PreTrainedModel

from inference.checkpoints import LoadedModel, load_checkpoint
from inference.config import EngineConfig
from inference.distributed.division import divide
from inference.distributed.links import LOADING_S, Links
from inference.distributed.wire import Allocate, Forward, Load, Measure, Message, Stop, Zero, encode
from inference.engine.layout import Layout
from inference.engine.spans import Places
from inference.team import TeamLost


class Leader:
    """The processes of one engine, as the one sees them that leads."""

    def __init__(self, links: Links) -> None:
        self._links = links
        self._models = 0

    def load(self, path: Path, *, name: str, config: EngineConfig, expected_digest: str | None = None) -> LoadedModel:
        """`load_checkpoint` in every process at once; the result is this one's part.

        Its ``weight_bytes`` are those of the process that holds most.

        Raises:
            CheckpointRefused: as `load_checkpoint`, or the checkpoint cannot be divided.
            TeamLost: a follower could not load it, or is gone.
        """
        self.tell(Load(json.dumps({"path": str(path), "precision": config.precision, "digest": expected_digest})))
        team = Led(self, self._links, self._models)
        self._models += 1

        def keep(model: PreTrainedModel) -> None:
            divide(model, self._links, precision=config.precision)

        library = replace(config, native=False)  # kernels of our own compute whole layers only
        loaded = load_checkpoint(path, name=name, config=library, expected_digest=expected_digest, divide=keep)
        heaviest = self._links.largest(loaded.weight_bytes, timeout_s=LOADING_S)
        return replace(loaded, team=team, weight_bytes=heaviest)

    def tell(self, message: Message) -> None:
        """Send a message to every follower. Raises TeamLost."""
        self._links.tell(encode(message))

    def dismiss(self) -> None:
        """End the followers that are left."""
        with suppress(TeamLost):
            self.tell(Stop())


class Led:
    """`inference.team.Team` of one checkpoint, on the leader's side."""

    def __init__(self, leader: Leader, links: Links, model: int) -> None:
        self._leader = leader
        self._links = links
        self._model = model

    def allocate(self, blocks: int) -> None:
        """See `Team.allocate`."""
        self._leader.tell(Allocate(self._model, blocks))

    def zero(self, blocks: list[int]) -> None:
        """See `Team.zero`."""
        self._leader.tell(Zero(self._model, torch.tensor(blocks)))

    def largest(self, size: int) -> int:
        """See `Team.largest`."""
        self._leader.tell(Measure(self._model))
        return self._links.largest(size, timeout_s=LOADING_S)

    def begin(self, layout: Places, position_ids: Tensor, embedded: Tensor) -> None:
        """See `Team.begin`."""
        assert isinstance(layout, Layout), "a divided model is computed by the library's layers"
        needed = embedded if self._links.place.parallel.tensor > 1 else embedded[:0]
        self._leader.tell(Forward(self._model, layout, position_ids, needed, len(embedded)))

    def end(self, hidden: Tensor) -> Tensor:
        """See `Team.end`."""
        parallel = self._links.place.parallel
        if parallel.pipeline == 1:
            return hidden
        self._links.send(hidden, parallel.tensor)
        return self._links.receive(hidden, parallel.world - parallel.tensor)
