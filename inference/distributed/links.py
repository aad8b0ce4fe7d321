"""The connections between the processes of one engine. All of them call the same collectives in the same order.

Gloo's groups are made directly, not through torch's process-wide default group, so that nothing here is global
to a process. Tensors on another device travel by way of the CPU.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor
from torch._C._distributed_c10d import PrefixStore, Store

from inference.config import Parallel
from inference.team import TeamLost

LOOPBACK = "127.0.0.1"
MEETING_S = 300.0  # importing torch and transformers takes 6 s, and 90 s beside 25 busy processes (2026-11-25)
LOADING_S = 1800.0  # the slowest process may take so much longer over a checkpoint than the fastest
FOREVER = timedelta(days=3650)  # a follower waits for the next message as long as its leader lives


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a process stands among the others: ``rank = stage * tensor + shard``; rank 0 leads."""

    rank: int
    parallel: Parallel

    @property
    def stage(self) -> int:
        """Which of the groups of layers it has."""
        return self.rank // self.parallel.tensor

    @property
    def shard(self) -> int:
        """Which of the heads and channels it has."""
        return self.rank % self.parallel.tensor

    @property
    def is_last_stage(self) -> bool:
        """Whether the model's last layer is its own."""
        return self.stage == self.parallel.pipeline - 1


class Links:
    """One process's side of the connections. Used by one thread at a time. Every call may raise TeamLost."""

    def __init__(
        self,
        place: Place,
        store: Store,
        *,
        timeout_s: float,
        host: str = LOOPBACK,
        meeting_s: float = MEETING_S,
    ) -> None:
        """Meet the others.

        Args:
            store: where all of them write down how they are reached.
            host: the address of this process's side; only others that reach it can connect.
            timeout_s: the longest another may take within a step.
            meeting_s: the longest to wait for the others to come.
        """
        self.place = place
        self._timeout = timedelta(seconds=timeout_s)
        tensor = place.parallel.tensor
        with _or_lost():
            meet = partial(_group, store, host=host, meeting_s=meeting_s)
            self._world = meet("world", place.rank, place.parallel.world)
            self._stage = meet(f"stage-{place.stage}", place.shard, tensor) if tensor > 1 else None

    def tell(self, payload: bytes) -> None:
        """Send bytes from the leader to all others."""
        self._broadcast(torch.tensor([len(payload)]), self._timeout)
        self._broadcast(torch.frombuffer(bytearray(payload), dtype=torch.uint8), self._timeout)

    def hear(self) -> bytes:
        """Wait for what the leader tells next, however long that takes."""
        length = torch.zeros(1, dtype=torch.int64)
        self._broadcast(length, FOREVER)
        payload = torch.empty(int(length), dtype=torch.uint8)
        self._broadcast(payload, self._timeout)
        return payload.numpy().tobytes()

    def largest(self, number: int, *, timeout_s: float) -> int:
        """The largest number of all processes."""
        largest = torch.tensor([number])
        options = dist.AllreduceOptions()
        options.reduceOp, options.timeout = dist.ReduceOp(dist.ReduceOp.MAX), timedelta(seconds=timeout_s)
        with _or_lost():
            self._world.allreduce([largest], options).wait()
        return int(largest)

    def add(self, tensor: Tensor) -> Tensor:
        """Sum over the shards of a stage, float32 or int32, element by element; may be in place."""
        return self._reduce(tensor, dist.ReduceOp.SUM)

    def peak(self, tensor: Tensor) -> Tensor:
        """Largest over the shards of a stage, float32, element by element; may be in place."""
        return self._reduce(tensor, dist.ReduceOp.MAX)

    def send(self, tensor: Tensor, rank: int) -> None:
        """Send a tensor to another process."""
        flat = tensor.cpu().contiguous().view(-1).view(torch.uint8)
        with _or_lost():
            self._world.send([flat], rank, 0).wait(self._timeout)

    def receive(self, like: Tensor, rank: int) -> Tensor:
        """A tensor of a known shape and dtype from another process."""
        flat = torch.empty(like.numel() * like.element_size(), dtype=torch.uint8)
        with _or_lost():
            self._world.recv([flat], rank, 0).wait(self._timeout)
        return flat.view(like.dtype).view(like.shape).to(like.device)

    def _reduce(self, tensor: Tensor, how: dist.ReduceOp.RedOpType) -> Tensor:
        if self._stage is None:
            return tensor
        ours = tensor.cpu().contiguous()
        options = dist.AllreduceOptions()
        options.reduceOp, options.timeout = dist.ReduceOp(how), self._timeout
        with _or_lost():
            self._stage.allreduce([ours], options).wait()
        return ours.to(tensor.device)

    def _broadcast(self, tensor: Tensor, timeout: timedelta) -> None:
        options = dist.BroadcastOptions()
        options.rootRank, options.rootTensor, options.timeout = 0, 0, timeout
        with _or_lost():
            self._world.broadcast([tensor], options).wait()


def _group(store: Store, name: str, rank: int, size: int, *, host: str, meeting_s: float) -> Any:
    store.set_timeout(timedelta(seconds=meeting_s))
    gloo: Any = dist.ProcessGroupGloo  # its stubs name neither the options nor their constructor
    options = gloo._Options()  # noqa: SLF001 - its only name
    options._devices = [gloo.create_device(hostname=host)]  # noqa: SLF001
    options._timeout = timedelta(seconds=meeting_s)  # noqa: SLF001
    return gloo(PrefixStore(name, store), rank, size, options)


@contextmanager
def _or_lost() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:  # gloo's: closed connections and timeouts alike
        raise TeamLost("another process of the engine is gone or hangs") from error
