"""Linear layers in fp8 (e4m3): one scale for each output channel, one for each row, sums in float32.

Half the bytes of bfloat16 and twice its arithmetic on devices that have it. A row's scale comes from that row
alone; its bits may still follow the batch, since the product picks its tiles by the number of rows.
"""

import torch
from torch import Tensor, nn

from inference.api import CheckpointRefused

HIGHEST = 448.0  # of e4m3
TINY = 1e-12  # a row of zeros has scale zero; its codes are zero at any scale
STEP = 16  # inputs and outputs come in multiples of it
CAPABILITY = (8, 9)  # of the first CUDA devices that multiply fp8
CLOSE = 0.06  # of the probe: relative error of random products


def quantize_fp8(x: Tensor) -> tuple[Tensor, Tensor]:
    """[M, K] to e4m3 codes and [M, 1] float32 scales, so that a row's largest value becomes the format's."""
    values = x.float()
    scale = values.abs().amax(dim=1, keepdim=True).div_(HIGHEST).clamp_(min=TINY)
    return (values / scale).clamp_(-HIGHEST, HIGHEST).to(torch.float8_e4m3fn), scale


class Fp8Linear(nn.Module):
    """A linear layer over e4m3 codes; its output has its input's dtype.

    Raises:
        ValueError: inputs or outputs are no multiple of 16.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        super().__init__()
        self.out_features, self.in_features = weight.shape
        if self.in_features % STEP or self.out_features % STEP:
            raise ValueError(f"inputs and outputs of an fp8 product are multiples of {STEP}")
        codes, scale = quantize_fp8(weight.detach())
        self.codes, self.scale = nn.Buffer(codes), nn.Buffer(scale.t().contiguous())
        self.bias = None if bias is None else nn.Buffer(bias.detach().to(torch.bfloat16))

    def forward(self, x: Tensor) -> Tensor:
        """[..., K] to [..., N]."""
        codes, scale = quantize_fp8(x.reshape(-1, self.in_features))
        out = torch._scaled_mm(  # noqa: SLF001 - the public name is newer than the oldest torch we run on
            codes, self.codes.t(), scale_a=scale, scale_b=self.scale, out_dtype=torch.bfloat16
        )
        out = out if self.bias is None else out + self.bias
        return out.to(x.dtype).view(*x.shape[:-1], self.out_features)


def quantize_linears_fp8(model: nn.Module) -> None:
    """Swap the linear layers of a model's decoder layers for fp8 and cast the rest to bfloat16, in place.

    Embeddings, the head, norms, routers, stacked experts and layers of odd sizes stay as they are.
    """
    for module in list(model.get_submodule("model.layers").modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, nn.Linear) and not (child.in_features % STEP or child.out_features % STEP):
                setattr(module, name, Fp8Linear(child.weight, child.bias))
    for parameter in model.parameters():
        parameter.data = parameter.data.to(torch.bfloat16)


def require_fp8(device: torch.device) -> None:
    """Make sure that a device multiplies fp8 by rows.

    Raises:
        CheckpointRefused: it does not, or not correctly.
    """
    if device.type != "cuda" or torch.cuda.get_device_capability(device) < CAPABILITY:
        raise CheckpointRefused("fp8 needs a CUDA device of compute capability 8.9 or higher; choose int8 or bf16")
    if not multiplies_fp8(device):
        raise CheckpointRefused("this build of torch does not multiply fp8 by rows on this device; choose int8 or bf16")


def multiplies_fp8(device: torch.device) -> bool:
    """Whether an fp8 layer stays close to the layer it replaces on a device, as far as a probe shows."""
    draw = torch.Generator().manual_seed(9)
    weight, x = torch.randn(64, 128, generator=draw), torch.randn(33, 128, generator=draw)
    x[1] *= 1000.0  # a scale for all rows would drown the others
    exact = x @ weight.t()
    try:
        out = Fp8Linear(weight.to(device), None)(x.bfloat16().to(device)).float().cpu()
    except (RuntimeError, ValueError, NotImplementedError):
        return False
    errors = (out - exact).norm(dim=1) / exact.norm(dim=1)
    return bool((errors < CLOSE).all())
