"""The compiled library in this process, sharing torch's pool of threads.

`inference.threads` tells what two pools cost. The library names OpenMP's functions and brings none: they are found
in the very file that torch computes with, which is opened for everybody first.
"""

import ctypes
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import torch

from inference.native.build import Unavailable, find_or_build

CPU_FLAGS = frozenset({"avx512f", "avx512bw", "avx512dq", "avx512vl", "avx512_vnni", "avx512_bf16", "fma", "avx2"})
Argument = Any  # a ctypes type

POINTER, INT, FLOAT = ctypes.c_void_p, ctypes.c_int64, ctypes.c_float


@cache
def open_library(folder: Path) -> ctypes.CDLL:
    """The library, compiled if need be; calls release the interpreter's lock.

    Raises:
        Unavailable: this processor, this build of torch or a missing compiler rules it out.
    """
    missing = CPU_FLAGS - _cpu_flags()
    if missing:
        raise Unavailable(f"the processor lacks {', '.join(sorted(missing))}")
    try:
        ctypes.CDLL(_torchs_openmp(), mode=ctypes.RTLD_GLOBAL)
        return ctypes.CDLL(str(find_or_build(folder)))
    except OSError as error:
        raise Unavailable(f"the library cannot be opened: {error}") from error


def bind(library: ctypes.CDLL, name: str, arguments: Sequence[Argument]) -> Callable[..., None]:
    """A function of the library that returns nothing; tensors are passed by their ``data_ptr()``."""
    function = getattr(library, name)
    function.argtypes, function.restype = list(arguments), None
    bound: Callable[..., None] = function
    return bound


def _cpu_flags() -> frozenset[str]:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return frozenset()
    return next((frozenset(line.split()) for line in lines if line.startswith("flags")), frozenset())


def _torchs_openmp() -> str:
    """Path of the OpenMP runtime that torch loaded. Raises Unavailable if it is not GNU's."""
    torch.get_num_threads()
    for line in Path("/proc/self/maps").read_text(encoding="utf-8").splitlines():
        path = line.rpartition(" ")[2]
        if Path(path).name.startswith("libgomp"):
            return path
    raise Unavailable("torch computes with another OpenMP runtime than GNU's")
