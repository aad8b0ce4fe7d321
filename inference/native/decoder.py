"""A decoder's rows from one attention to the next, in one call; binds ``src/decoder.cpp``."""

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from inference.native.library import POINTER, bind
from inference.native.weights import PackedWeight, WeightView


class ShapeView(ctypes.Structure):
    """What all layers share; ``size`` is that of a head."""

    _fields_ = (
        ("hidden", ctypes.c_int64),
        ("heads", ctypes.c_int64),
        ("groups", ctypes.c_int64),
        ("size", ctypes.c_int64),
        ("inner", ctypes.c_int64),
        ("epsilon", ctypes.c_float),
    )


class LayerView(ctypes.Structure):
    """A layer as the kernels see it."""

    _fields_ = (
        ("input_norm", ctypes.c_void_p),
        ("query_norm", ctypes.c_void_p),
        ("key_norm", ctypes.c_void_p),
        ("inner_norm", ctypes.c_void_p),
        ("projection", WeightView),
        ("output", WeightView),
        ("gate_up", WeightView),
        ("down", WeightView),
    )


class StepView(ctypes.Structure):
    """Rows of one call."""

    _fields_ = (
        ("rows", ctypes.c_int64),
        ("threads", ctypes.c_int64),
        ("states", ctypes.c_void_p),
        ("attended", ctypes.c_void_p),
        ("projected", ctypes.c_void_p),
        ("positions", ctypes.c_void_p),
        ("cosine", ctypes.c_void_p),
        ("sine", ctypes.c_void_p),
        ("scratch", ctypes.c_void_p),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class DecoderShape:
    """Sizes that all layers share; ``size`` is that of a head, even."""

    hidden: int
    heads: int
    groups: int
    size: int
    inner: int
    epsilon: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DecoderLayer:
    """One layer's weights; norms are float32, those of queries and keys [size] or None."""

    input_norm: Tensor
    query_norm: Tensor | None
    key_norm: Tensor | None
    inner_norm: Tensor
    projection: PackedWeight
    output: PackedWeight
    gate_up: PackedWeight
    down: PackedWeight

    @property
    def nbytes(self) -> int:
        """Bytes that the weights hold."""
        norms = (self.input_norm, self.inner_norm, self.query_norm, self.key_norm)
        weights = (self.projection, self.output, self.gate_up, self.down)
        return sum(norm.nbytes for norm in norms if norm is not None) + sum(weight.nbytes for weight in weights)

    def view(self) -> LayerView:
        """As the kernels see it; valid while this object lives."""
        return LayerView(
            self.input_norm.data_ptr(),
            None if self.query_norm is None else self.query_norm.data_ptr(),
            None if self.key_norm is None else self.key_norm.data_ptr(),
            self.inner_norm.data_ptr(),
            *(weight.view() for weight in (self.projection, self.output, self.gate_up, self.down)),
        )


class Decoder:
    """Layers that share a shape. Used by one thread."""

    def __init__(self, library: ctypes.CDLL, shape: DecoderShape, layers: Sequence[DecoderLayer]) -> None:
        self._call = bind(library, "assay_between_attentions", [POINTER, POINTER, POINTER, POINTER])
        self._scratch_bytes = library.assay_scratch_bytes
        self._scratch_bytes.argtypes, self._scratch_bytes.restype = [POINTER, ctypes.c_int64], ctypes.c_int64
        self.shape, self.layers = shape, tuple(layers)
        self._shape_view = ShapeView(shape.hidden, shape.heads, shape.groups, shape.size, shape.inner, shape.epsilon)
        self._views = [layer.view() for layer in self.layers]
        self._cosine = self._sine = torch.empty(0)
        self._scratch = torch.empty(0, dtype=torch.uint8)

    @property
    def nbytes(self) -> int:
        """Bytes that the weights hold."""
        return sum(layer.nbytes for layer in self.layers)

    def turn_by(self, cosine: Tensor, sine: Tensor) -> None:
        """Set what turns heads by position, [P, size] float32; P is beyond every position of the steps to come."""
        self._cosine, self._sine = cosine, sine

    def project(self, states: Tensor, positions: Tensor) -> Tensor:
        """Enter the first layer: [T, hidden] float32 to its queries, keys and values, [T, H + 2 G, size] bfloat16."""
        return self._between(None, 0, states, None, positions)

    def advance(self, layer: int, states: Tensor, attended: Tensor, positions: Tensor) -> Tensor:
        """Leave a layer and enter the next: ``states`` are updated in place, the next one's projections returned."""
        return self._between(layer, layer + 1, states, attended, positions)

    def leave(self, layer: int, states: Tensor, attended: Tensor) -> None:
        """Leave a layer: update ``states`` in place from what its rows attended to, [T, H, size] bfloat16."""
        self._between(layer, None, states, attended, None)

    def _between(
        self, left: int | None, entered: int | None, states: Tensor, attended: Tensor | None, positions: Tensor | None
    ) -> Tensor:
        heads = self.shape.heads + 2 * self.shape.groups
        rows = states.shape[0] if entered is not None else 0
        projected = torch.empty(rows, heads, self.shape.size, dtype=torch.bfloat16)
        threads = torch.get_num_threads()
        step = StepView(
            states.shape[0],
            threads,
            states.data_ptr(),
            None if attended is None else attended.data_ptr(),
            projected.data_ptr(),
            None if positions is None else positions.data_ptr(),
            self._cosine.data_ptr(),
            self._sine.data_ptr(),
            self._room(threads),
        )
        self._call(ctypes.addressof(self._shape_view), self._layer(left), self._layer(entered), ctypes.addressof(step))
        return projected

    def _layer(self, index: int | None) -> int | None:
        return None if index is None else ctypes.addressof(self._views[index])

    def _room(self, threads: int) -> int:
        needed = self._scratch_bytes(ctypes.addressof(self._shape_view), threads)
        if self._scratch.nbytes < needed:
            self._scratch = torch.empty(needed, dtype=torch.uint8)
        return self._scratch.data_ptr()
