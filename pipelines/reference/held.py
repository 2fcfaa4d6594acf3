"""The compositor's reference for students whose picture is all their own: what hands hold is cut from the last picture, and moved.

Nothing is staged. The ground is the picture that the student made last; a thing is cut out when a hand takes it, and once the hand
lets go it is the student's. What is taken is found in main memory, where the last picture is in any case (people have been shown
it), and drawn on the device: nothing there is waited for.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from flowbrush.models.device import to_device
from flowbrush.models.inpainting.inpainter import diffuse_fill
from flowbrush.pipelines.reference.acquire import RIM, Acquirer, Touch, widened
from flowbrush.pipelines.reference.drawing import paint, sample, through
from flowbrush.pipelines.reference.filling import FILLED
from flowbrush.pipelines.reference.layers import Layer, LayerStack
from flowbrush.pipelines.reference.outline import Polygons
from flowbrush.pipelines.reference.pose import STILL, Similarity
from flowbrush.pipelines.reference.selecting import shown
from flowbrush.pipelines.reference.steps import TrackRows, camera_steps, hand_steps
from flowbrush.pipelines.reference.warp import over

DISC = 0.09  # of the picture's shorter side: the radius of what a hand takes where nobody finds a thing
CORNERS = 24  # of that disc, as few as make its area a circle's to 1.2 %


@dataclass(frozen=True)
class Rigid:
    """What is known of a chunk after the picture `before` [3, H, W]: `frames` [F, 3, H, W] in 0..1, and how sure each pixel is,
    `confidence` [F, 1, H, W] (1: a known pixel stands there, 0: the student's own).
    """

    before: Tensor
    frames: Tensor
    confidence: Tensor


def taken(acquirer: Acquirer, stack: LayerStack, rows: TrackRows, touches: dict[int, Touch]) -> LayerStack:
    """The last picture and what was held of it, `stack`, with what `touches` take. What no hand of `rows` holds any more, or what
    was held by one that comes down anew, is let go.
    """
    stack = stack.without_hands((stack.hands - set(rows.hands.tolist())) | touches.keys())
    stack = replace(stack, layers=tuple(layer for layer in stack.layers if layer.held))
    for track, touch in touches.items():
        found = acquirer.take(stack, track, touch)
        if track in found.empty:
            near = Touch(touch.point, region=disc(touch.point, stack.size))
            found = acquirer.take(stack, track, near)
        stack = found
    return stack


def disc(point: tuple[float, float], size: tuple[int, int]) -> Polygons:
    """A circle round a point in pixels of a picture of `size` (H, W)."""
    height, width = size
    turns = [2 * math.pi * corner / CORNERS for corner in range(CORNERS)]
    radius = DISC * min(size)
    x, y = point
    return (
        tuple(
            ((x + radius * math.cos(turn)) / width, (y + radius * math.sin(turn)) / height) for turn in turns
        ),
    )


def moved(layers: Sequence[Layer], rows: TrackRows) -> tuple[Layer, ...]:
    """Held layers where their hands have put them at the end of a chunk."""
    return tuple(replace(layer, pose=hand_steps(rows, layer.hands)[-1].after(layer.pose)) for layer in layers)


def draw(picture: Tensor, layers: Sequence[Layer], rows: TrackRows) -> Rigid:
    """The last `picture` [3, H, W] in 0..1 through a chunk, on its device: held `layers` go with their hands, the ground goes with
    the camera. Where no camera moves it, all that is not held is the student's own.
    """
    placed = [replace(layer, rgba=to_device(layer.rgba, picture.device)) for layer in layers]
    camera = camera_steps(rows)
    ground, sure = picture, torch.ones_like(picture[:1])
    if placed:
        ground, sure = uncovered(picture, placed)
    things = picture.new_zeros(len(camera), 4, *picture.shape[1:])
    for layer in placed:
        paint(things, layer, hand_steps(rows, layer.hands))
    frames = over(things, _carried(ground, camera))
    confidence = things[:, 3:]
    if (rows.hands < 0).any():
        confidence = confidence + (1 - confidence) * _known(sure, camera)
    return Rigid(picture, frames, confidence)


def uncovered(picture: Tensor, layers: Sequence[Layer]) -> tuple[Tensor, Tensor]:
    """`picture` [3, H, W] without the things that are held where they stand, and how sure of what is behind them [1, H, W]."""
    opacity = torch.stack([shown(layer, (picture.shape[1], picture.shape[2])) for layer in layers]).amax(0)
    hole = widened((opacity > 0.05).float(), RIM)[None]
    return diffuse_fill(picture[None], hole[None])[0], 1 - hole * (1 - FILLED)


def _carried(ground: Tensor, camera: Sequence[Similarity]) -> Tensor:
    """`ground` [3, H, W] in each frame: [F, 3, H, W]."""
    if all(step == STILL for step in camera):
        return ground.expand(len(camera), -1, -1, -1)
    return through(ground, camera)


def _known(sure: Tensor, camera: Sequence[Similarity]) -> Tensor:
    """`sure` [1, H, W] in each frame, nothing beyond the picture's rim: [F, 1, H, W]."""
    height, width = sure.shape[1:]
    centre = Similarity(x=width / 2, y=height / 2)
    return sample(sure, [step.after(centre) for step in camera], (0, 0, width, height))
