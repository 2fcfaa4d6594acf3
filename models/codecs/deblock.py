"""Pictures of linear blocks without the blocks' rims: where a block has no detail to speak of, it goes over into its neighbours."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

# Detail of a block, of 1: above the first all of it is shown, as of a drop of rain; below the second none.
FAINT, PLAIN = 0.12, 0.06


def deblocked(picture: Tensor, block: int) -> Tensor:
    """`picture` [N, C, H, W] of square blocks, of values about 0: [N, C, H, W].

    A block's mean is interpolated between blocks. What a block adds to that is shown as far as it is strong: drops and rims are,
    what a student is not sure of is not.
    """
    size = picture.shape[-2:]
    means = F.avg_pool2d(picture, block)  # [N, C, h, w]
    spread = F.interpolate(means, size, mode="bilinear", align_corners=False)
    detail = picture - spread
    strong = F.max_pool2d(detail.abs().amax(1, keepdim=True), block)  # [N, 1, h, w]
    strong = F.max_pool2d(strong, 3, 1, 1)  # what is half in a block is not cut at its rim
    shown = ((strong - PLAIN) / (FAINT - PLAIN)).clamp(0, 1)
    return spread.addcmul_(detail, F.interpolate(shown, size, mode="bilinear", align_corners=False))
