"""A layer stack moved rigidly through one chunk, and drawn: what hands and camera alone would show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from flowbrush.pipelines.reference.drawing import background_frames, paint
from flowbrush.pipelines.reference.layers import Layer, LayerStack
from flowbrush.pipelines.reference.maps import STRIDE, Reference
from flowbrush.pipelines.reference.pose import Similarity
from flowbrush.pipelines.reference.rising import risen
from flowbrush.pipelines.reference.steps import TrackRows, camera_steps, layer_steps
from flowbrush.pipelines.reference.tones import Tone, between

OWN = 0.25  # opacity from which on a cell belongs to a layer: legs are thinner than a cell, and a brushed one is the ground's


@dataclass(frozen=True)
class Moved:
    """A stack at the end of a chunk, what was drawn on the way, and which cells are whose: `own` [layers, h, w] opacity at
    the end. `ways` are all layers that were drawn, from back to front, and what each did in each frame; `tones` are those of the
    frames.
    """

    stack: LayerStack
    reference: Reference
    own: Tensor
    ways: tuple[tuple[Layer, Sequence[Similarity]], ...]
    tones: tuple[Tone, ...] = ()


def move(stack: LayerStack, rows: TrackRows) -> Moved:
    """The stack through one chunk: what is held goes with its hands, the rest with the camera."""
    camera = camera_steps(rows)
    frames = len(camera)
    steps = layer_steps(stack, rows, camera)
    height, width = stack.size
    things = torch.zeros(frames, 4, height, width, device=stack.background.device)
    grid = (height // STRIDE, width // STRIDE)
    own = torch.zeros(len(stack.layers), *grid, device=things.device)
    velocity, held = velocity_of(camera, grid), torch.zeros(1, *grid)
    for index, (layer, path) in enumerate(zip(stack.layers, steps, strict=True)):
        opacity = paint(things, layer, path)
        own[:index] *= 1 - opacity
        own[index] = opacity
        mine = (opacity > OWN).cpu()
        velocity = torch.where(mine, velocity_of(path, grid), velocity)
        held = torch.where(mine, float(layer.held), held)
    ground, confidence = background_frames(stack, camera)
    reference = Reference(
        things[None],
        ground[None],
        confidence[None],
        velocity[None].to(things.device),
        held[None].to(things.device),
    )
    layers = tuple(
        replace(risen(layer), pose=path[-1].after(layer.pose))
        for layer, path in zip(stack.layers, steps, strict=True)
    )
    own = own[[place for place, layer in enumerate(layers) if not layer.gone]]
    moved = replace(stack, layers=layers, camera=camera[-1].after(stack.camera))
    ways = tuple(zip(stack.layers, steps, strict=True))
    return Moved(moved.arrived(), reference, own, ways, tones_of(stack, frames))


def tones_of(stack: LayerStack, frames: int) -> tuple[Tone, ...]:
    """The tone of each frame of a chunk."""
    if stack.next_tone is None:
        return (stack.tone,) * frames
    begin = stack.shown or 0.0
    shares = [begin + (stack.share - begin) * frame / frames for frame in range(1, frames + 1)]
    return tuple(between(stack.tone, stack.next_tone, share) for share in shares)


def cells_of(grid: tuple[int, int]) -> np.ndarray:
    """Centres of a grid's cells in pixels [h, w, 2]."""
    x, y = np.meshgrid((np.arange(grid[1]) + 0.5) * STRIDE, (np.arange(grid[0]) + 0.5) * STRIDE)
    return np.stack([x, y], -1)


def velocity_of(path: Sequence[Similarity], grid: tuple[int, int]) -> Tensor:
    """How far what is in each cell has come by each frame, [F, 2, h, w] in pixels, when all of it moves along `path`."""
    cells = cells_of(grid)
    ways = [cells - step.inverse(cells) for step in path]
    return torch.from_numpy(np.stack(ways)).float().permute(0, 3, 1, 2)
