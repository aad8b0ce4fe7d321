"""A step's host arrays, on the device in one transfer.

Many small copies cost a launch each, and from pageable memory each of them waits for the device. Here
everything a step needs is laid into one pinned buffer and sent without waiting.
"""

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

ALIGNMENT = 16  # bytes; any dtype may be viewed at such an offset
BUFFERS = 2  # one is filled while the other may still be on its way


class Staging:
    """Pinned buffers of one device, used in turn by one thread.

    Invariant: a buffer is written to only after its last transfer has ended.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._pinned = device.type == "cuda"
        self._hosts = [self._host(0) for _ in range(BUFFERS)]
        self._sent: list[torch.cuda.Event | None] = [None] * BUFFERS
        self._turn = 0
        self.transfers = 0

    def send(self, arrays: Mapping[str, NDArray[np.generic]]) -> dict[str, Tensor]:
        """Copy arrays to the device; the tensors are valid for work queued on the current stream."""
        offsets, total = _place(arrays)
        host = self._free_host(total)
        raw = host.numpy()
        for name, array in arrays.items():
            flat = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
            raw[offsets[name] : offsets[name] + len(flat)] = flat
        there = host[:total].to(self._device, non_blocking=True, copy=True)
        self._note_sent()
        return {name: _view(there, offsets[name], array) for name, array in arrays.items()}

    def _free_host(self, total: int) -> Tensor:
        self._turn = (self._turn + 1) % BUFFERS
        event = self._sent[self._turn]
        if event is not None:
            event.synchronize()
        if len(self._hosts[self._turn]) < total:
            self._hosts[self._turn] = self._host(2 * total)
        return self._hosts[self._turn]

    def _note_sent(self) -> None:
        self.transfers += 1
        if self._pinned:
            event = torch.cuda.Event()  # type: ignore[no-untyped-call]
            event.record()
            self._sent[self._turn] = event

    def _host(self, size: int) -> Tensor:
        return torch.empty(size, dtype=torch.uint8, pin_memory=self._pinned)


def _place(arrays: Mapping[str, NDArray[np.generic]]) -> tuple[dict[str, int], int]:
    """Where each array begins, and how many bytes they take together."""
    offsets, at = {}, 0
    for name, array in arrays.items():
        offsets[name] = at
        at += -(-array.nbytes // ALIGNMENT) * ALIGNMENT
    return offsets, at


def _view(there: Tensor, offset: int, array: NDArray[np.generic]) -> Tensor:
    dtype = torch.from_numpy(np.empty(0, dtype=array.dtype)).dtype
    return there[offset : offset + array.nbytes].view(dtype).view(array.shape)
