"""What a hand touches: which pixels of a picture belong to the thing that is taken."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from models.cutter import Cutter, square
from pipelines.cutting import DISC

SMALLEST = 600  # pixels: what is smaller than this is only part of a thing
SURE, FINEST = (
    0.5,
    300,
)  # opacity from which on the cutter means a pixel, and pixels that it must mean for a thing
CLEAR = 0.08  # opacity below which it means none
RIM = (
    0.24,
    0.9,
)  # opacity that is taken for none and for all: between a thing and its ground a rim of both would be left
FINE = 2  # pixels: edge of the squares on which colours are compared
BAND = 4  # double squares above and below with which a thing's colours are compared
COMMON = 0.05  # share of the surroundings that must have a colour for it to be theirs
DIFFERS = (0.22, 0.13, 0.08)  # distance of colours, each in -1..1, from which on they are different
LIMB = 5  # squares: how far what is thin may stick out of a thing
TOUCH = 10.0  # pixels: a thing is what hangs together with what is this near to the hand


def thing_at(frame: Tensor, points: Tensor, cutter: Cutter | None = None) -> Tensor:
    """The opacity [1, 1, H, W] of the thing that is at `points` [n, 2] (pixels) of `frame` [1, 3, H, W]; 0 where there is none.

    The cutter knows things; where it sees none, or there is no cutter, colours decide: a cloud can be taken, too. Beside a cutter
    they do so only for what ends within reach: sea and hills go on.
    """
    if cutter is not None:
        opacity = by_cutter(cutter, frame[0], points[None])
        if int((opacity > SURE).sum()) >= FINEST:
            return crisp(opacity)
    opacity = by_colour(frame, points)
    return (
        opacity * 0
        if cutter is not None and bool((opacity > SURE)[0, 0][_rim(frame, points)].any())
        else opacity
    )


def crisp(opacity: Tensor) -> Tensor:
    """What the cutter means, with a narrow rim."""
    return ((opacity - RIM[0]) / (RIM[1] - RIM[0])).clamp(0, 1)


def _rim(frame: Tensor, points: Tensor) -> Tensor:
    """What is as far from the nearest of `points` [n, 2] as a thing may reach [H, W]."""
    y, x = (torch.arange(size, device=frame.device) + 0.5 for size in frame.shape[-2:])
    away = ((x[None, :, None] - points[:, 0]) ** 2 + (y[:, None, None] - points[:, 1]) ** 2).amin(-1).sqrt()
    return (away > DISC[1] - 3 * FINE) & (away < DISC[1])


@torch.no_grad()
def by_cutter(cutter: Cutter, frame: Tensor, hands: Tensor) -> Tensor:
    """The opacities [n, 1, H, W] of what the cutter sees in `frame` [3, H, W] at each of `hands` [n, points, 2] or [n, 2]."""
    height, width = frame.shape[-2:]
    edge = cutter.spec.edge
    squares = [square(frame, hand.view(-1, 2), edge) for hand in hands]
    seen = torch.stack([part for part, _ in squares]).to(cutter.out.weight)
    found = cutter(seen).float().sigmoid()
    found = (found - CLEAR).clamp_min(0) / (1 - CLEAR)
    places = zip(found, (corner for _, corner in squares), strict=True)
    # Negative padding cuts off what is outside the picture.
    return torch.stack([F.pad(one, (x, width - x - edge, y, height - y - edge)) for one, (x, y) in places])


def by_colour(frame: Tensor, points: Tensor) -> Tensor:
    """The opacity [1, 1, H, W] of what is at `points` [n, 2] (pixels) of `frame` [1, 3, H, W], told by colours alone.

    A thing has colours that the rows around it do not have elsewhere, hangs together, has no holes, and is no larger than DISC.
    Where that gives very little, colours are told apart more finely: a snowman stands in the snow.
    """
    height, width = frame.shape[-2:]
    y, x = torch.meshgrid(
        (torch.arange(height // FINE, device=frame.device) + 0.5) * FINE,
        (torch.arange(width // FINE, device=frame.device) + 0.5) * FINE,
        indexing="ij",
    )
    distance = ((x[..., None] - points[:, 0]) ** 2 + (y[..., None] - points[:, 1]) ** 2).amin(-1).sqrt()
    inside, touched = distance < DISC[1], (distance < TOUCH).float()
    unlike = _unlike_surroundings(frame, distance)
    whole = torch.zeros_like(distance)
    for differs in DIFFERS:
        solid = (unlike > differs).float() * inside
        found = _grown(solid, touched * solid)
        whole = 1 - _grown(1 - found, (~inside).float())  # no holes
        if float(whole.sum()) * FINE**2 > SMALLEST:
            break
    core = 1 - F.max_pool2d(1 - whole[None, None], 5, 1, 2)
    whole = whole * F.max_pool2d(core, 2 * LIMB + 1, 1, LIMB)  # no lines of the scene that run into it
    soft = F.avg_pool2d(F.max_pool2d(whole, 3, 1, 1), 3, 1, 1)
    return F.interpolate(soft, (height, width), mode="bilinear")


def _unlike_surroundings(frame: Tensor, distance: Tensor) -> Tensor:
    """How far each square's colour is from those common around it [h, w], given how far each is from the hand; 0 beyond DISC."""
    cells = F.avg_pool2d(frame, FINE)[0].permute(1, 2, 0)  # [h, w, 3]
    colours = F.avg_pool2d(frame, 2 * FINE)[0].permute(1, 2, 0)
    inside, samples = distance < DISC[1], (distance > DISC[0])[::2, ::2]
    unlike = torch.zeros_like(distance)
    for row in inside.any(1).nonzero().flatten().tolist():
        low, high = max(0, row // 2 - BAND), row // 2 + BAND + 1
        around, columns = colours[low:high][samples[low:high]], inside[row].nonzero().flatten()
        if not len(around):
            unlike[row, columns] = 2
            continue
        usual = max(1, int(len(around) * COMMON))
        unlike[row, columns] = torch.cdist(cells[row, columns], around).kthvalue(usual, dim=1).values
    return unlike


def _grown(solid: Tensor, seed: Tensor) -> Tensor:
    """What of `solid` [h, w] hangs together with `seed` [h, w]."""
    found = seed
    while True:
        more = F.max_pool2d(found[None, None], 3, 1, 1)[0, 0] * solid
        if torch.equal(more, found):
            return found
        found = more
