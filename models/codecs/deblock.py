"""Pictures of linear blocks without the blocks' rims: where a block has no detail to speak of, it goes over into its neighbours;
where it has, the step at its rim does.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

# Detail of a block, of 1: above the first all of it is shown, as of a drop of rain; below the second none.
FAINT, PLAIN = 0.12, 0.06
SEAM = 0.1
"""Of 1: a larger step between two blocks is the rim of something for what it is beyond that. Those in shadows are 0.02 to 0.1."""


def deblocked(picture: Tensor, block: int) -> Tensor:
    """`picture` [N, C, H, W] of square blocks, of values about 0: [N, C, H, W].

    A block's mean is interpolated between blocks. What a block adds to that is shown as far as it is strong: drops and rims are,
    what a student is not sure of is not. A step from one block to the next that none of them has within is spread over both.
    """
    size = picture.shape[-2:]
    means = F.avg_pool2d(picture, block)  # [N, C, h, w]
    spread = F.interpolate(means, size, mode="bilinear", align_corners=False)
    detail = picture - spread
    strong = F.max_pool2d(detail.abs().amax(1, keepdim=True), block)  # [N, 1, h, w]
    strong = F.max_pool2d(strong, 3, 1, 1)  # what is half in a block is not cut at its rim
    shown = ((strong - PLAIN) / (FAINT - PLAIN)).clamp(0, 1)
    spread.addcmul_(detail, F.interpolate(shown, size, mode="bilinear", align_corners=False))
    for axis in (2, 3):
        _close(spread, axis, block)
    return spread


def _close(picture: Tensor, axis: int, block: int) -> None:
    """Spreads the steps between blocks along an axis of a picture [N, C, H, W] over both, in place."""
    blocks = picture.unflatten(axis, (-1, block))
    count = blocks.shape[axis] - 1
    one, other = blocks.narrow(axis, 0, count), blocks.narrow(axis, 1, count)
    before, last = (one.select(axis + 1, place) for place in (block - 2, block - 1))
    first, after = (other.select(axis + 1, place) for place in (0, 1))
    step = first - last
    slope = torch.maximum((last - before).abs_(), (after - first).abs_())
    seam = step.abs().sub_(slope).clamp_(0, SEAM).copysign_(step).unsqueeze(axis + 1)
    fade = (1 - (torch.arange(block, device=picture.device) + 0.5) / block) / 2  # from the seam on
    fade = fade.to(picture).view(block, *[1] * (picture.dim() - 1 - axis))
    other.addcmul_(seam, fade, value=-1)
    one.addcmul_(seam, fade.flip(0))
