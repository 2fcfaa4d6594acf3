"""Which point of a photo lies on what stands out in it: its subject, of which a prompt may speak though no hand has touched it."""

from __future__ import annotations

import torch
from torch import Tensor

from flowbrush.models.segmentation.ground import SOLID, thing_score
from flowbrush.models.segmentation.segmenter import SPOT, Segmenter, look_at, marked

ACROSS = DOWN = (0.3, 0.5, 0.7)
"""Where it is looked for, in parts of the picture: photographers leave the rim free. More points find no more (15: 0.69)."""
LEAST, MOST = 0.005, 0.65
"""Of the picture: smaller things are not what it is of, and what is larger is the ground."""
CLICKED = 3  # the channel of what is meant, behind the picture's
AGREED = 0.4
"""What another point counts whose click finds the same: several lie on a large thing, and none agree about a patch of ground. From
the best of the points by this sum one click takes 29 subjects with an overlap of 0.74 (0.66 to 0.74 with points nearby), by the
scores alone 0.52, from the middle of the picture 0.62, and from the middle of what is meant 0.76.
"""


@torch.inference_mode()
def standing_out(segmenter: Segmenter, picture: Tensor) -> tuple[float, float] | None:
    """The point (x, y in pixels) of a `picture` [3, H, W] in -1..1 at which a click takes its subject best; None where no click
    finds anything. One look from each of a few points, all of them at once.
    """
    height, width = picture.shape[-2:]
    points = [(x * width, y * height) for y in DOWN for x in ACROSS]
    seen = _clicked(picture, picture.new_tensor(points), segmenter.spec.edge)
    found = segmenter(seen).sigmoid()[:, 0]  # [n, h, w]
    places = picture.new_tensor([(x, y) for y in DOWN for x in ACROSS])
    scores = _scores(seen[0, :3], found, places)
    best = int(scores.argmax())
    return points[best] if bool(scores[best].isfinite()) else None


def _clicked(picture: Tensor, points: Tensor, edge: int) -> Tensor:
    """What the network sees of the whole picture where each of `points` [n, 2] is clicked on: [n, SEEN, h, w]. It is made smaller
    once for all of them.
    """
    height, width = picture.shape[-2:]
    nothing, whole = picture.new_zeros(0, 2), (0.0, 0.0, float(width), float(height))
    unclicked = look_at(picture, nothing, nothing, picture.new_zeros(1, height, width), whole, edge)
    rows, columns = unclicked.shape[-2:]
    x, y = (
        (torch.arange(count, device=picture.device) + 0.5) * (side / count)
        for count, side in ((columns, width), (rows, height))
    )
    seen = unclicked.repeat(len(points), 1, 1, 1)
    seen[:, CLICKED] = torch.stack([marked(point[None], x, y, SPOT * max(width, height)) for point in points])
    return seen


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
