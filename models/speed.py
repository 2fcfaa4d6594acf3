"""Speed switches for a student on a GPU: compiled blocks and 8-bit linear layers. Both change a loaded student in place."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from flowbrush.models.transformer import CausalTransformer

RANGE = 448.0  # the largest number of float8_e4m3fn
GRAPHS = 256  # shapes of a block that are compiled: every length of the past, for every number of streams in a batch


def compile_blocks(student: CausalTransformer) -> None:
    """Compiles every block with static shapes. The first chunks, and every new batch size, take long; then it is quick."""
    torch._dynamo.config.recompile_limit = max(torch._dynamo.config.recompile_limit, GRAPHS)
    for block in student.blocks:
        block.compile(dynamic=False)


class Fp8Linear(nn.Module):
    """A linear layer whose product is taken in 8 bits: weights scaled row by row beforehand, inputs as they come."""

    weight: Tensor
    scale: Tensor

    def __init__(self, *linears: nn.Linear) -> None:
        """Several layers of one input become one: the input is brought into 8 bits once, their outputs lie one
        behind the other.
        """
        super().__init__()
        weight, scale = to_fp8(torch.cat([linear.weight.detach() for linear in linears]))
        self.register_buffer("weight", weight)
        self.register_buffer("scale", scale.T.contiguous())  # [1, out]
        biases: list[Tensor] = [linear.bias for linear in linears if linear.bias is not None]
        assert len(biases) in (0, len(linears))
        self.bias = nn.Parameter(torch.cat(biases), requires_grad=False) if biases else None

    def forward(self, x: Tensor) -> Tensor:
        flat, scale = to_fp8(x.flatten(0, -2))
        out = torch._scaled_mm(
            flat,
            self.weight.T,
            scale_a=scale,
            scale_b=self.scale,
            out_dtype=torch.bfloat16,
        )
        out = out.unflatten(0, x.shape[:-1]).to(x.dtype)
        made: Tensor = out if self.bias is None else out + self.bias
        return made


def to_fp8(x: Tensor) -> tuple[Tensor, Tensor]:
    """Rows of `x` [N, D] scaled to the range of 8-bit floats: values and scales [N, 1] (fp32)."""
    scale = x.abs().amax(1, keepdim=True).float().clamp_min(1e-12) / RANGE
    return (x / scale).to(torch.float8_e4m3fn), scale


def use_fp8(student: CausalTransformer) -> None:
    """Puts 8-bit products into the blocks' large layers. Embeddings, head and text keys stay as they are.

    Raises ValueError where the device cannot multiply in 8 bits.
    """
    weight = student.text_embedding[0].weight
    device = weight.device
    if device.type == "cuda" and torch.cuda.get_device_capability(device) < (8, 9):
        raise ValueError(
            "8-bit linear layers need compute capability 8.9 or higher (Ada, Hopper): leave fp8 off"
        )
    if device.type == "mps":
        raise ValueError("8-bit linear layers need CUDA: leave fp8 off")
    block: Any
    for block in student.blocks:
        to_itself, to_text = block.self_attn, block.cross_attn
        to_itself.joint = Fp8Linear(to_itself.q, to_itself.k, to_itself.v)
        to_itself.q = to_itself.k = to_itself.v = nn.Identity()  # their weights are in `joint`
        to_itself.o, to_text.q, to_text.o = (
            Fp8Linear(linear) for linear in (to_itself.o, to_text.q, to_text.o)
        )
        block.ffn[0], block.ffn[2] = Fp8Linear(block.ffn[0]), Fp8Linear(block.ffn[2])
