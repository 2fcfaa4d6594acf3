"""The inpainter: what may be behind a thing that is taken away (pocket).

A hole is filled from its rim first, smoothly; the network sees that and makes it go on as its surroundings do. What it leaves
smooth is put together again of patches from around it.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from flowbrush.models.cards.spec import InpainterSpec
from flowbrush.models.inpainting.patches import patched
from flowbrush.models.unet import UNet

LEAST = 1e-6  # weight of known pixels below which nothing is known
FEATHER = 3  # pixels over which a filled hole passes into what was there


class Inpainter(nn.Module):
    """Pictures [B, 3, H, W] in -1..1 and holes [B, 1, H, W] in 0..1 → the pictures with their holes filled; sides multiples
    of 16.
    """

    def __init__(self, spec: InpainterSpec) -> None:
        super().__init__()
        self.spec = spec
        self.net = UNet(4, 3, spec.widths)
        nn.init.zeros_(self.net.out.weight)
        nn.init.zeros_(self.net.out.bias)  # type: ignore[arg-type]

    def forward(self, picture: Tensor, hole: Tensor) -> Tensor:
        weight = self.net.out.weight
        rough = diffuse_fill(picture, hole)
        better = rough + self.net(torch.cat([rough, hole * 2 - 1], 1).to(weight)).to(rough)
        soft = F.avg_pool2d(hole, FEATHER, 1, FEATHER // 2).maximum(hole)
        made: Tensor = (picture + (better - picture) * soft).clamp(-1, 1)
        return made

    @torch.inference_mode()
    def smooth(self, picture: Tensor, hole: Tensor) -> Tensor:
        """One picture [3, H, W] in -1..1 with what belongs into its hole [1, H, W], smeared."""
        made: Tensor = self(picture[None], hole[None])[0]
        return made

    @torch.inference_mode()
    def sharp(self, picture: Tensor, hole: Tensor) -> Tensor:
        """What `smooth` made, with patches of the same picture in its hole."""
        return patched(picture, hole)

    def fill(self, picture: Tensor, hole: Tensor) -> Tensor:
        """One picture [3, H, W] in -1..1 with its hole [1, H, W] in 0..1 filled, and sharp."""
        return self.sharp(self.smooth(picture, hole), hole)


def diffuse_fill(picture: Tensor, hole: Tensor) -> Tensor:
    """Pictures [B, 3, H, W] whose holes [B, 1, H, W] are filled smoothly from what is around them: known colours are
    averaged to ever smaller pictures, and each one lends the next larger one what that lacks.
    """
    known = 1 - (hole > 0).to(picture)
    levels = [(picture * known, known)]
    while min(levels[-1][0].shape[-2:]) > 1:
        colours, weight = (F.avg_pool2d(x, 2, ceil_mode=True, count_include_pad=False) for x in levels[-1])
        levels.append((colours, weight))
    colours, weight = levels[-1]  # one row or column of cells, of which some may lack everything
    mean = colours.sum((-2, -1), keepdim=True) / weight.sum((-2, -1), keepdim=True).clamp_min(LEAST)
    filled = torch.where(weight > 0, colours / weight.clamp_min(LEAST), mean)
    for colours, weight in reversed(levels[:-1]):
        wider = F.interpolate(filled, colours.shape[-2:], mode="bilinear", align_corners=False)
        sure = weight.clamp(max=1)
        filled = colours + (1 - sure) * wider
    return picture * known + filled * (1 - known)
