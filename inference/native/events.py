"""Packed events to vectors; binds ``src/events.cpp``."""

import ctypes
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from inference.encoders.events import CLIP
from inference.native.library import INT, POINTER, bind

PANEL = 64  # outputs


class FloatWeightView(ctypes.Structure):
    """A float32 weight as the kernels see it."""

    _fields_ = (
        ("values", ctypes.c_void_p),
        ("bias", ctypes.c_void_p),
        ("inputs", ctypes.c_int64),
        ("outputs", ctypes.c_int64),
    )


class EncoderView(ctypes.Structure):
    """An event encoder as the kernels see it."""

    _fields_ = (
        ("numbers", ctypes.c_int64),
        ("categories", ctypes.c_int64),
        ("hidden", ctypes.c_int64),
        ("clip", ctypes.c_float),
        ("mean", ctypes.c_void_p),
        ("std", ctypes.c_void_p),
        ("offsets", ctypes.c_void_p),
        ("table", ctypes.c_void_p),
        ("first", FloatWeightView),
        ("up", FloatWeightView),
        ("down", FloatWeightView),
    )


class EventKernel:
    """An `EventEncoder` that reads events as they are packed; each vector's bits are its event's own."""

    def __init__(self, library: ctypes.CDLL, encoder: Any) -> None:
        """Copy the weights of an `inference.encoders.events.EventEncoder`."""
        self._call = bind(library, "assay_encode_events", [POINTER, POINTER, INT, POINTER])
        self.hidden = encoder.up.out_features
        plain = (encoder.mean, encoder.std, encoder.offsets, encoder.categories.weight.detach())
        weights = [_pack(linear) for linear in (encoder.numbers, encoder.up, encoder.down)]
        self._kept = (*(tensor.contiguous() for tensor in plain), *(part for pair in weights for part in pair))
        self._view = EncoderView(
            *(encoder.mean.numel(), encoder.offsets.numel(), self.hidden, CLIP),
            *(tensor.data_ptr() for tensor in self._kept[:4]),
            *(
                FloatWeightView(values.data_ptr(), bias.data_ptr(), values.shape[1], linear.out_features)
                for (values, bias), linear in zip(weights, (encoder.numbers, encoder.up, encoder.down), strict=True)
            ),
        )

    def __call__(self, events: Tensor) -> Tensor:
        """[E, packed bytes] uint8, contiguous, codes inside their fields, to [E, hidden] float32."""
        out = torch.empty(len(events), self.hidden)
        self._call(ctypes.addressof(self._view), events.data_ptr(), len(events), out.data_ptr())
        return out


def _pack(linear: nn.Linear) -> tuple[Tensor, Tensor]:
    """Weights [panels, inputs, 64] and biases [panels * 64], zero beyond the outputs."""
    missing = -linear.out_features % PANEL
    padded = F.pad(linear.weight.detach().float(), (0, 0, 0, missing)).view(-1, PANEL, linear.in_features)
    return padded.transpose(1, 2).contiguous(), F.pad(linear.bias.detach().float(), (0, missing))
