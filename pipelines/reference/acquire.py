"""What a hand takes: a layer that is there, a region that the person painted, or what the segmenter sees in the background."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from flowbrush.pipelines.reference.drawing import framed, sample, through
from flowbrush.pipelines.reference.filling import Inpainter, fill_on, opened
from flowbrush.pipelines.reference.layers import MOST as MOST_LAYERS
from flowbrush.pipelines.reference.layers import SOLID, Layer, LayerStack
from flowbrush.pipelines.reference.outline import Polygons, filled, outline, without_crumbs
from flowbrush.pipelines.reference.pose import Similarity
from flowbrush.pipelines.reference.selecting import bare, selected, shown, with_layers

LEAST = 0.0008  # of the picture: less is a speck, which nobody means to take
MOST = 0.6  # of the picture: more is the background itself
RIM = 0.015  # of the shorter side: the fringe of a cut-out still shows its colours, and is filled as well
THIN = 3  # pixels: a painted region that is nowhere as wide is a line
Box = tuple[float, float, float, float]  # left, top, right, bottom in pixels
REMEMBERED = 8  # points whose finds are kept: a press mostly comes where the hand hovered


class Segmenter(Protocol):
    """Finds things in a `picture` [3, H, W] in -1..1: opacity [1, H, W] in 0..1 of what is at `add` [n, 2] and not at `remove`
    [m, 2] (x, y in pixels), or about where `region` [H, W] was painted; for certain, and near by, where it is `within` a part.
    """

    def segment(
        self, picture: Tensor, add: Tensor, remove: Tensor, region: Tensor | None, within: Box | None = None
    ) -> Tensor: ...


@dataclass(frozen=True)
class Touch:
    """Where a hand comes down, in pixels, with points that add and take away, or the polygons that say what is taken; it means a
    thing for certain, even if that looks like ground, where the part of the picture is known that this is `within`.
    Of `released` hands and paths, on their way still, it takes what they hold.
    """

    point: tuple[float, float]
    add: tuple[tuple[float, float], ...] = ()
    remove: tuple[tuple[float, float], ...] = ()
    region: Polygons = ()
    within: Box | None = None
    released: frozenset[int] = frozenset()


class Acquirer:
    """Finds what a touch takes, and takes it."""

    def __init__(self, segmenter: Segmenter | None, inpainter: Inpainter | None) -> None:
        self.segmenter, self.inpainter = segmenter, inpainter
        self.found: OrderedDict[tuple[int, Similarity, Touch], tuple[Tensor, Tensor | None]] = OrderedDict()

    def probe(self, stack: LayerStack, touch: Touch) -> tuple[Polygons, str]:
        """The outline of what `touch` would take, and its label; empty where there is nothing."""
        index = None if touch.region or touch.add or touch.remove else stack.at(*touch.point)
        if index is not None:
            layer = stack.layers[index]
            return outline(shown(layer, stack.size)), layer.label
        mask = self.mask(stack, touch)
        return ((), "") if mask is None else (outline(mask), "")

    def take(self, stack: LayerStack, track: int, touch: Touch, seek: bool = True) -> LayerStack:
        """The stack with `track` holding what it touches, in front of all else, or holding nothing; without `seek` only what is a
        layer already, or was painted.
        """
        index = None if touch.region or touch.add or touch.remove else stack.at(*touch.point)
        if index is not None:
            layer = stack.layers[index]
            # What a new prompt sends away stays with the hand that takes it, and who sits is lifted.
            layer = replace(layer, hands=layer.hands | {track}, leaving=False, seat=None)
            return handed_over(stack.in_front(layer, index), track, touch.released)
        said = touch.region or self._is_of_layers(stack, touch)
        region = None if not said else self._region(stack, touch) if touch.region else self.mask(stack, touch)
        taken = None if region is None else selected(stack, region, frozenset({track}), LEAST)
        if taken is not None:
            return handed_over(taken, track, touch.released)
        room = len(stack.layers) < MOST_LAYERS
        mask = self.mask(stack, touch) if room and not said and seek else None
        if room and region is not None:
            mask = self._thing(bare(stack, region))
        if mask is None:
            return replace(stack, empty=stack.empty | {track})
        return self.cut_out(stack, mask, frozenset({track}))

    @torch.inference_mode()
    def mask(self, stack: LayerStack, touch: Touch) -> Tensor | None:
        """The opacity [H, W] of what is taken from the background as the camera shows it; None where there is no thing."""
        if touch.region:
            region = self._region(stack, touch)
            return None if region is None else self._thing(region)
        if self.segmenter is None or (stack.label and not touch.add):
            # In a scene of a prompt the things are layers: a press beside them would tear a piece out of the sky.
            return None
        of_layers = self._is_of_layers(stack, touch)
        key = (id(stack.background), stack.camera, _nearly(touch))
        if not of_layers and key in self.found and self.found[key][0] is stack.background:
            return self.found[key][1]
        picture = with_layers(stack, seen(stack)) if of_layers else seen(stack)
        add, remove = ([touch.point, *touch.add], list(touch.remove))
        points = _points(add, picture), _points(remove, picture)
        opacity = self.segmenter.segment(picture * 2 - 1, *points, None, touch.within)[0]
        x, y = (int(min(max(v, 0), n - 1)) for v, n in zip(touch.point, reversed(stack.size), strict=True))
        thing = self._thing(without_crumbs(opacity)) if float(opacity[y, x]) >= SOLID else None
        if of_layers:
            return thing
        self.found[key] = (stack.background, thing)
        if len(self.found) > REMEMBERED:
            self.found.popitem(last=False)
        return thing

    def _is_of_layers(self, stack: LayerStack, touch: Touch) -> bool:
        """Whether points say more of what is to be taken, one of which is on a layer: it is looked for in all that is seen."""
        points = (touch.point, *touch.add, *touch.remove)
        return len(points) > 1 and not touch.region and any(stack.at(*point) is not None for point in points)

    def _region(self, stack: LayerStack, touch: Touch) -> Tensor | None:
        """What was painted, or drawn round, [H, W] in 0..1; None for a line: it has no inside, and nobody sees what it would
        take.
        """
        region = filled(touch.region, stack.size).to(stack.background.device)
        drawn = -F.max_pool2d(-region[None], THIN, 1, THIN // 2)
        return region if bool(drawn.any()) else None

    def _thing(self, opacity: Tensor) -> Tensor | None:
        """What is solid of `opacity` [H, W] with its rim; the segmenter's doubts about what lies further off are dropped: nothing
        is taken, and no ground filled in, beyond the outline that the person saw.
        """
        solid = (opacity >= SOLID).float()
        if not LEAST <= float(solid.mean()) <= MOST:
            return None
        return opacity * widened(solid, RIM)

    @torch.inference_mode()
    def cut_out(self, stack: LayerStack, mask: Tensor, hands: frozenset[int] = frozenset()) -> LayerStack:
        """What `mask` [H, W] covers becomes a layer that `hands` hold, and the ground behind it is filled in, roughly for now."""
        picture = seen(stack)
        rows, columns = (mask > 0.02).nonzero(as_tuple=True)
        top, bottom = int(rows.min()), int(rows.max()) + 1
        left, right = int(columns.min()), int(columns.max()) + 1
        opacity = mask[None, top:bottom, left:right]
        rgba = torch.cat([picture[:, top:bottom, left:right] * opacity, opacity])
        pose = Similarity(x=(left + right) / 2, y=(top + bottom) / 2)
        layer = Layer(rgba.clone(), "", pose, hands, depth=bottom / stack.size[0], cut=True)
        return opened(stack, self._hole(stack, mask)).in_front(layer)

    def fill_on(self, stack: LayerStack) -> LayerStack:
        """One step further to the ground behind what was taken."""
        return fill_on(stack, self.inpainter)

    def _hole(self, stack: LayerStack, mask: Tensor) -> Tensor:
        """What is to be filled in the background's own coordinates: the mask and its fringe, [1, H, W]."""
        wide = widened((mask > 0.05).float(), RIM)[None]
        if not stack.camera.moves and stack.margin == (0, 0):
            return wide
        across, down = stack.margin
        back = stack.camera.inverse
        # From the picture to the background, which begins `margin` to the left of it and above.
        shifted = Similarity(back.scale, back.angle, back.x + across, back.y + down)
        height, width = stack.background.shape[1:]
        return (sample_onto(wide, shifted, (height, width)) > 0.3).float()


def handed_over(stack: LayerStack, track: int, released: frozenset[int]) -> LayerStack:
    """The stack in which what `track` has taken is held by none of the other `released` hands any more, which were on their way
    still: of two hands that hold one thing each would turn it.
    """
    layers = (
        replace(layer, hands=layer.hands - (released - {track})) if track in layer.hands else layer
        for layer in stack.layers
    )
    return replace(stack, layers=tuple(layers))


def widened(mask: Tensor, share: float) -> Tensor:
    """`mask` [H, W] grown on all sides by a share of the picture's shorter side."""
    reach = 2 * max(1, round(share * min(mask.shape))) + 1
    rows = F.max_pool2d(
        mask[None, None], (1, reach), 1, (0, reach // 2)
    )  # the larger the picture, the less a square at once pays
    return F.max_pool2d(rows, (reach, 1), 1, (reach // 2, 0))[0, 0]


def seen(stack: LayerStack) -> Tensor:
    """The background [3, H, W] as the camera shows it now."""
    if stack.camera.moves:
        return through(stack.background, [stack.camera], stack.margin)[0]
    return framed(stack.background, stack.margin)


def sample_onto(mask: Tensor, pose: Similarity, size: tuple[int, int]) -> Tensor:
    """`mask` [1, h, w] put into a picture of `size` (H, W) by `pose`, which takes its pixels, counted from its corner: [1,
    H, W].
    """
    h, w = mask.shape[-2:]
    centred = pose.after(Similarity(x=w / 2, y=h / 2))
    return sample(mask, [centred], (0, 0, size[1], size[0]))[0]


def held_outlines(stack: LayerStack, tracks: Sequence[int]) -> tuple[tuple[int, Polygons], ...]:
    """What each of `tracks` holds, as outlines; those that hold nothing are left out."""
    return tuple(
        (track, outline(shown(layer, stack.size)))
        for track in tracks
        for layer in stack.layers
        if track in layer.hands
    )


def _points(points: Sequence[tuple[float, float]], like: Tensor) -> Tensor:
    return torch.tensor(points, dtype=torch.float32, device=like.device).view(-1, 2)


def _nearly(touch: Touch) -> Touch:
    """A touch in hundredths of a pixel: a press and the probe before it come in different precisions."""
    near = [
        tuple((round(x, 2), round(y, 2)) for x, y in points)
        for points in ((touch.point,), touch.add, touch.remove)
    ]
    return Touch(near[0][0], near[1], near[2], touch.region, touch.within)
