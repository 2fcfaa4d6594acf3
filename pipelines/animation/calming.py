"""What was cut from a photo comes to rest when nothing stirs it: no hand that moves, and no words. Pure functions.

The student's world has nothing that stands still for long, and what it makes of a large piece of a photo feeds on itself: a cup
that was let go swayed more after ten seconds than after one.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from flowbrush.pipelines.animation.bending import Bases, shares
from flowbrush.pipelines.reference.layers import Layer, LayerStack
from flowbrush.pipelines.reference.steps import TrackRows

KEPT = 0.75  # of its unrest from chunk to chunk: what is let go sways out within two seconds
LEAST = 0.05  # less than a tenth of a pixel of most sways
SEEN = 0.02  # opacity in a cell from which on it is theirs whom it shows
STIRS = 0.5  # pixels in a chunk: a hand that is to be still trembles by less


def calmed(stack: LayerStack, rows: TrackRows, told: Collection[int]) -> LayerStack:
    """The stack at the end of a chunk of `rows`, with the unrest of its layers: what is no photo's, what a hand moves and who is at
    the places `told` to do something, has all of it.
    """
    layers = (
        replace(layer, unrest=1.0 if place in told or _is_stirred(layer, rows) else _less(layer.unrest))
        for place, layer in enumerate(stack.layers)
    )
    return replace(stack, layers=tuple(layers))


def _is_stirred(layer: Layer, rows: TrackRows) -> bool:
    ways = rows.xy[np.isin(rows.hands, list(layer.hands))]
    far = np.abs(ways - ways[:, :1]).max(initial=0)
    return not layer.cut or layer.seat is not None or bool(far > STIRS)


def _less(unrest: float) -> float:
    return unrest * KEPT if unrest * KEPT > LEAST else 0.0


def unrest(stack: LayerStack, own: Tensor) -> Tensor | None:
    """How much there is of the motion of its things that a student makes, in each cell, of which the layers are seen as much as
    `own` [layers, h, w] says: [h, w] in 0..1; None where that is all of it. Around them it is that of whom is near.

    A hat and a cat before a large piece of a photo had their share of the piece's own cells, too: a face was bent ever more.
    """
    if all(layer.unrest == 1 for layer in stack.layers):
        return None
    places = np.array([(layer.pose.x, layer.pose.y) for layer in stack.layers])
    sizes = np.array([max(layer.extents) for layer in stack.layers])
    near = shares(Bases(places, sizes, np.zeros((len(sizes), 3))), (own.shape[-2], own.shape[-1]))
    seen = own.cpu()
    all_seen = seen.sum(0)
    whose = torch.where(all_seen > SEEN, seen / all_seen.clamp_min(SEEN), near)
    left = torch.tensor([1 - layer.unrest for layer in stack.layers]).view(-1, 1, 1)
    return 1 - (whose * left).sum(0)
