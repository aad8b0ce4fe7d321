"""Arrays arrive as they were sent, and a buffer that is too small grows."""

import numpy as np
import torch

from inference.engine.cuda.layout import Arrays
from inference.engine.cuda.staging import Staging

CPU = torch.device("cpu")


def test_arrays_arrive_with_their_values_shapes_and_types():
    arrays: Arrays = {
        "a": np.arange(3, dtype=np.int64),
        "b": np.array([[1, 2], [3, 4]], dtype=np.int32),
        "c": np.array([0.5], dtype=np.float32),
        "d": np.zeros((0, 4), dtype=np.uint8),
    }

    sent = Staging(CPU).send(arrays)

    assert [(x.dtype, tuple(x.shape)) for x in sent.values()] == [
        (torch.int64, (3,)),
        (torch.int32, (2, 2)),
        (torch.float32, (1,)),
        (torch.uint8, (0, 4)),
    ]
    assert [x.tolist() for x in sent.values()] == [[0, 1, 2], [[1, 2], [3, 4]], [0.5], []]


def test_what_was_sent_is_not_overwritten_by_what_is_sent_next():
    staging = Staging(CPU)
    sent = [staging.send({"a": np.full(count, count)})["a"] for count in (1, 50, 7, 900)]

    assert [(len(x), x.unique().tolist()) for x in sent] == [(1, [1]), (50, [50]), (7, [7]), (900, [900])]
    assert staging.transfers == 4
