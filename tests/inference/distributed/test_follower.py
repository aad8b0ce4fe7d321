"""A follower that is told what to do, step by step, in a thread of this process."""

import json
import threading

import numpy as np
import pytest
import torch
from torch._C._distributed_c10d import HashStore, Store

from inference.config import Parallel
from inference.distributed.follower import Follower
from inference.distributed.leader import Leader
from inference.distributed.links import Links, Place
from inference.distributed.wire import Allocate, Forward, Load, Zero
from inference.engine.layout import Layout, Tile
from inference.team import TeamLost
from tests.checkpoints import config

PARALLEL = Parallel(pipeline=2)
# Sixteen positions of one record, written to block 1.
LAYOUT = Layout(
    write_slots=torch.arange(16, 32),
    read_slots=torch.cat([torch.arange(16, 32), torch.zeros(112, dtype=torch.int64)]),
    tiles=(Tile(0, 16, 0, 128, 0, 1),),
    fans=(),
    packed=np.arange(16),
    home=np.arange(16),
)


class Told:
    """A follower in a thread, and the leader's side of it."""

    def __init__(self) -> None:
        store = HashStore()
        self.thread = threading.Thread(target=self._follow, args=(store,), daemon=True)
        self.thread.start()
        self.links = Links(Place(rank=0, parallel=PARALLEL), store, timeout_s=60.0)
        self.leader = Leader(self.links)
        self.hidden = torch.zeros(0)

    def _follow(self, store: Store) -> None:
        links = Links(Place(rank=1, parallel=PARALLEL), store, timeout_s=60.0)
        self.follower = Follower(links, config(parallel=PARALLEL))
        self.follower.follow()

    def stop(self) -> None:
        self.leader.dismiss()
        self.thread.join(timeout=60)


@pytest.fixture
def told(qwen3):
    """A follower that holds the second of two stages and has computed a step."""
    told = Told()
    told.leader.tell(Load(json.dumps({"path": str(qwen3), "precision": "fp32", "digest": None})))
    told.links.largest(0, timeout_s=60.0)
    told.leader.tell(Allocate(0, 3))
    told.leader.tell(Forward(0, LAYOUT, torch.arange(16), torch.empty(0, 128), 16))
    told.links.send(torch.ones(16, 128), 1)
    told.hidden = told.links.receive(torch.empty(16, 128), 1)
    return told


def pools(told):
    return [pool for pair in told.follower.parts[0].pool.pools.values() for pool in pair]


def test_a_follower_keeps_its_own_layers_and_neither_embeds_nor_answers(told):
    model = told.follower.parts[0].model

    assert [layer.self_attn.layer_idx for layer in model.base_model.layers] == [1]
    assert sum(parameter.numel() for parameter in model.get_input_embeddings().parameters()) == 0
    assert torch.isfinite(told.hidden).all()
    told.stop()


def test_a_follower_writes_keys_where_the_leader_says(told):
    assert all(pool[:, 16:32].any() for pool in pools(told))
    assert not any(pool[:, 32:].any() for pool in pools(told))
    told.stop()


def test_a_follower_zeroes_what_the_leader_purges(told):
    told.leader.tell(Zero(0, torch.tensor([1])))
    told.stop()

    assert not any(pool[:, 16:].any() for pool in pools(told))


def test_a_follower_ends_when_it_is_told_to(told):
    told.stop()

    assert not told.thread.is_alive()


def test_a_leader_alone_is_told_that_its_team_is_lost():
    with pytest.raises(TeamLost):
        Links(Place(rank=0, parallel=PARALLEL), HashStore(), timeout_s=1.0, meeting_s=0.5)
