"""What an engine is told at its start; free of torch, so that settings may build it."""

import math
from dataclasses import dataclass, field
from pathlib import Path

from inference.api import Precision


@dataclass(frozen=True, slots=True, kw_only=True)
class SparsePattern:
    """Which tiles of 128 positions of a record are attended to, for long records; every tile if ``recent`` is 0.

    A question sees the record's last tile and all of itself whatever the pattern.

    Attributes:
        sink: the first tiles, which all positions see.
        recent: the last tiles up to a position's own.
        stride: every so manieth tile besides; 0 for none.
    """

    sink: int = 0
    recent: int = 0
    stride: int = 0

    def __post_init__(self) -> None:
        if min(self.sink, self.recent, self.stride) < 0:
            raise ValueError("a pattern counts tiles from 0")
        if (self.sink or self.stride) and not self.recent:
            raise ValueError("a sparse pattern needs recent tiles: a position sees at least its own")

    @property
    def name(self) -> str:
        """As a kernel set carries it; empty for the dense pattern."""
        return f"sparse-{self.sink}-{self.recent}-{self.stride}" if self.recent else ""

    def shows(self, tile: int, own: int) -> bool:
        """Whether a row of tile ``own`` sees a tile of the record."""
        near = not self.recent or own - tile < self.recent
        return near or tile < self.sink or (self.stride > 0 and tile % self.stride == 0)


DENSE = SparsePattern()


@dataclass(frozen=True, slots=True, kw_only=True)
class Parallel:
    """Among how many processes an engine's checkpoints are divided.

    Attributes:
        tensor: processes that share every layer, each with its heads and channels.
        pipeline: groups of ``tensor`` processes, each with its layers.
    """

    tensor: int = 1
    pipeline: int = 1

    def __post_init__(self) -> None:
        if self.tensor < 1 or self.pipeline < 1:
            raise ValueError("a parallel size is at least 1")

    @property
    def world(self) -> int:
        """Processes of the engine, the one that leads included."""
        return self.tensor * self.pipeline


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineConfig:
    """Limits and arithmetic of one engine.

    Attributes:
        device: where tensors live, a torch device string.
        precision: of the linear layers of every checkpoint the engine serves.
        threads: torch's intra-op threads.
        memory_mb: for weights and cache blocks together; 0, away from the CPU alone, for what the device has free.
        salt_key: keys the HMAC that keeps cache blocks of namespaces apart; at least 16 bytes.
        max_batch_positions: the most positions one step computes.
        max_batch_requests: the most requests one step computes for.
        max_queue: the most requests that may wait.
        fair: whether namespaces take turns within a priority.
        sheds: whether a request is refused once it is foreseen that its deadline would pass.
        namespace_quota: the largest share of the cache one namespace may hold, 0-1.
        zeroes_freed: whether a block's content is overwritten as soon as nobody holds it.
        idle_ttl_s: how long a block that no request holds is kept, and what was in it.
        stall_timeout_s: a step longer than this means that the engine hangs.
        parallel: among how many processes the checkpoints are divided.
        native: whether kernels of our own serve where they can; see docs/adr/0021.
        native_dir: where they are kept once compiled; None for `inference.native.build.default_folder`.
        sparse: which part of a long record is attended to; changes scores, hence the kernel set's name.
    """

    threads: int
    memory_mb: int
    salt_key: bytes = field(repr=False)
    device: str = "cpu"
    precision: Precision = Precision.INT8
    max_batch_positions: int = 2048
    max_batch_requests: int = 512
    max_queue: int = 1024
    fair: bool = True
    sheds: bool = True
    namespace_quota: float = 0.5
    zeroes_freed: bool = False
    idle_ttl_s: float = math.inf
    stall_timeout_s: float = 30.0
    parallel: Parallel = field(default_factory=Parallel)
    native: bool = True
    native_dir: Path | None = None
    sparse: SparsePattern = DENSE

    def __post_init__(self) -> None:
        if len(self.salt_key) < 16:
            raise ValueError("salt_key needs at least 16 bytes")
        if not 0.0 < self.namespace_quota <= 1.0:
            raise ValueError("namespace_quota is a share above 0 and at most 1")
        if self.device != "cpu" and self.sparse.recent:
            raise ValueError("a sparse pattern is followed on a CPU alone")
        for name in (
            "threads",
            "memory_mb",
            "max_batch_positions",
            "max_batch_requests",
            "max_queue",
            "idle_ttl_s",
            "stall_timeout_s",
        ):
            measured = name == "memory_mb" and self.device != "cpu" and self.memory_mb == 0
            if getattr(self, name) <= 0 and not measured:
                raise ValueError(f"{name} must be above zero")
