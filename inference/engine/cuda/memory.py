"""How much of a device the pool may take."""

import torch

SHARE = 0.85  # of what is free with the weights loaded; activations of the largest step and graphs take the rest


def pool_bytes(device: str) -> int:
    """For cache blocks, by what a CUDA device has free now."""
    return int(torch.cuda.mem_get_info(torch.device(device))[0] * SHARE)
