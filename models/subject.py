"""Which point of a photo lies on what stands out in it: its subject, of which a prompt may speak though no hand has touched it."""

from __future__ import annotations

import torch
from torch import Tensor

from flowbrush.models.ground import SOLID, thing_score
from flowbrush.models.segmenter import Segmenter, look_at

ACROSS, DOWN = (0.2, 0.35, 0.5, 0.65, 0.8), (0.3, 0.5, 0.7)
"""Where it is looked for, in parts of the picture: photographers leave the rim free, and most of the top and the bottom."""
LEAST, MOST = (
    0.005,
    0.65,
)  # of the picture: smaller things are not what it is of, and what is larger is the ground
AGREED = 0.4
"""What another point counts whose click finds the same: several lie on a large thing, and none agree about a patch of ground. From
the best of the points by this sum one click takes 29 subjects with an overlap of 0.68, by the scores alone 0.48, from the middle
of the picture 0.62, and from the middle of what is meant 0.76.
"""


@torch.inference_mode()
def standing_out(segmenter: Segmenter, picture: Tensor) -> tuple[float, float] | None:
    """The point (x, y in pixels) of a `picture` [3, H, W] in -1..1 at which a click takes its subject best; None where no click
    finds anything. One look from each of a few points, all of them at once.
    """
    height, width = picture.shape[-2:]
    points = [(x * width, y * height) for y in DOWN for x in ACROSS]
    nothing, whole = picture.new_zeros(0, 2), (0.0, 0.0, float(width), float(height))
    prior = picture.new_zeros(1, height, width)
    clicks = picture.new_tensor(points)  # [n, 2]
    edge = segmenter.spec.edge
    seen = torch.stack([look_at(picture, click[None], nothing, prior, whole, edge) for click in clicks])
    found = segmenter(seen).sigmoid()[:, 0]  # [n, h, w]
    scores = _scores(seen[0, :3], found, clicks / clicks.new_tensor([width, height]))
    best = int(scores.argmax())
    return points[best] if bool(scores[best].isfinite()) else None


def _scores(small: Tensor, found: Tensor, places: Tensor) -> Tensor:
    """How well each of the finds [n, h, w] in a picture [3, h, w], of clicks at `places` [n, 2] in 0..1, is its subject: [n]; minus
    infinity where it has the size of none.
    """
    rows, columns = found.shape[1:]
    solid = (found >= SOLID).to(found)
    share = solid.mean((1, 2))
    columns_of, rows_of = (places * places.new_tensor([columns, rows])).long().unbind(1)
    sure = found[torch.arange(len(found), device=found.device), rows_of, columns_of]
    each = found.new_tensor([thing_score(small, float(at), one) for at, one in zip(sure, solid, strict=True)])
    common = torch.minimum(found[:, None], found[None]).sum((2, 3))
    either = torch.maximum(found[:, None], found[None]).sum((2, 3)).clamp_min(1e-6)
    agreed = (common / either * (sure >= SOLID)).sum(1)
    fits = (share >= LEAST) & (share <= MOST)
    return (each + AGREED * agreed).where(fits, -torch.inf)
