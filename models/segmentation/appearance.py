"""What belongs to a thing by its colours: histograms of what was found and of the rest, as in Boykov and Jolly, "Interactive Graph
Cuts", ICCV 2001, section 3. A network sees a photo small and has doubts about large parts of one thing; its colours have fewer.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

BINS = 12  # of a colour channel: with fewer a thing has its ground's colours, with more light cuts it
RARE = 1e-5  # of all pixels: below it a colour says nothing, however one-sided it is
TRUST = 0.8  # in the network's logits: its doubts are where colours help, and it is surer than it is right
PARTS = 4096  # that an opacity is counted in: twelve of the faintest one, and no sum of a picture too large for 64 bits
SURE = 0.003  # a network's certainty ends here: a colour that the thing alone has outweighs it


def by_color(picture: Tensor, found: Tensor) -> Tensor:
    """The opacity `found` [1, H, W] in 0..1, weighed with the colours of a `picture` [3, H, W] in -1..1: [1, H, W]."""
    bins = (picture.float() / 2 + 0.5).clamp(0, 1 - 1e-4).mul(BINS).long()
    codes = (bins[0] * BINS + bins[1]) * BINS + bins[2]  # [H, W]
    certain = found.float().clamp(SURE, 1 - SURE)
    inside, outside = _histogram(codes, certain[0]), _histogram(codes, 1 - certain[0])
    ratio = ((inside + RARE) / (outside + RARE)).log()
    weighed = (TRUST * certain.logit() + ratio[codes]).sigmoid()
    return F.avg_pool2d(weighed[None], 3, 1, 1, count_include_pad=False)[0]  # single pixels are noise


def _histogram(codes: Tensor, weights: Tensor) -> Tensor:
    """Shares of the colours [BINS³]; neighbours share what they have, since light changes a colour a little."""
    whole = (
        (weights * PARTS).long().flatten()
    )  # sums of whole numbers do not depend on their order, on a GPU either
    counts = torch.zeros(BINS**3, dtype=torch.int64, device=codes.device).index_add_(
        0, codes.flatten(), whole
    )
    spread = F.avg_pool3d(counts.float().view(1, 1, BINS, BINS, BINS), 3, 1, 1).flatten()
    return spread / spread.sum().clamp_min(1e-6)
