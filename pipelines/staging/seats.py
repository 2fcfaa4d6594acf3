"""Layers that are on other layers: "a cat on a car", "a monkey rides a horse". They sit on top of these, and go where these go."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from flowbrush.models.text.colors import parted
from flowbrush.pipelines.parsing.seating import WORN
from flowbrush.pipelines.parsing.wanted import IT, Wanted
from flowbrush.pipelines.reference.layers import SOLID, Layer, LayerStack, Seat
from flowbrush.pipelines.reference.pose import Similarity
from flowbrush.pipelines.reference.render import OWN

RIDER = 0.75  # of its size: all things are drawn equally large, and a horse cannot be seen below a monkey as large as it is
CROWDED = 0.3  # power of their number by which several on one are smaller: two of full size hide each other
SUNK = 0.12  # of a rider's height: who sits does not stand on the tip of a foot
LOWER = 0.6  # of a rider's height: at most so much lower sits who would be above the picture, where nobody sees it
HIGHEST = 0.08  # of a cut-out's height: so far below its highest point it is its top
LEVEL = 0.2  # of a rider's width: so wide is the place whose height counts, to each side


def sat_down(
    new: Sequence[Layer], wanted: Sequence[Wanted], there: Sequence[Layer] = ()
) -> tuple[Layer, ...]:
    """`new` layers, which are `wanted` in that order, with those on their carriers that are to be `on` another: one of the new
    ones, or of those that are `there`. They come last, which is in front.
    """
    everything, seats = [*there, *new], Counter[int]()
    on = [wearer(there) if each.on == IT else carrier_of(each.on, everything) for each in wanted]
    riders = Counter(place for place in on if place is not None)
    standing, sitting = list[Layer](), list[Layer]()
    for layer, place in zip(new, on, strict=True):
        if place is None:
            standing.append(layer)
            continue
        sitting.append(seated(layer, everything[place], seats[place], riders[place]))
        seats[place] += 1
    return (*standing, *sitting)


def wearer(there: Sequence[Layer]) -> int | None:
    """The place of who is meant by no name that is known: who is called IT, or else the one in front of those that have a name."""
    it = carrier_of(IT, there)
    named = [place for place, each in enumerate(there) if each.label and not each.leaving]
    return it if it is not None else next(reversed(named), None)


def carrier_of(label: str, layers: Sequence[Layer]) -> int | None:
    """The place of the first layer of that name that stays; None where there is none."""
    places = (
        place for place, each in enumerate(layers) if parted(each.label)[1] == label and not each.leaving
    )
    return next(places, None) if label else None


def seated(rider: Layer, carrier: Layer, index: int, riders: int) -> Layer:
    """The rider on top of its carrier, the `index`-th from the left of so many."""
    scale = rider.pose.scale * RIDER * riders**-CROWDED
    height, width = carrier.rgba.shape[-2:]
    across = (index + 0.5) / riders * width
    if carrier.cut and riders == 1:
        across = _seat_of_cut(carrier, worn=parted(rider.label)[1] in WORN)
    reach = LEVEL * rider.rgba.shape[-1] * scale / carrier.pose.scale
    columns = slice(max(0, int(across - reach)), max(1, int(across + reach) + 1))
    top = _first_row(carrier.rgba[3, :, columns])
    foot = rider.rgba.shape[-2] - _first_row(rider.rgba[3].flip(0))
    sunk = SUNK * rider.rgba.shape[-2]
    rise = (foot - sunk - rider.rgba.shape[-2] / 2) * scale / carrier.pose.scale
    at = across - width / 2, top - height / 2 - rise
    above = rider.rgba.shape[-2] * scale / 2 - float(carrier.pose(np.array(at))[1])
    lower = min(max(above, 0.0), LOWER * rider.rgba.shape[-2] * scale) / carrier.pose.scale
    seat = Seat(carrier.label, carrier.number, (at[0], at[1] + lower))
    x, y = carrier.pose(np.array(seat.at)).tolist()
    return replace(rider, pose=replace(rider.pose, scale=scale, x=x, y=y), seat=seat, depth=carrier.depth)


def _seat_of_cut(carrier: Layer, worn: bool) -> float:
    """Where across what was cut from a photo its one rider sits, in pixels: what is worn, on whatever reaches highest, which is a
    head more often than the middle is; anything else above the middle of all of it, and not of its box, which a shred may widen.
    """
    solid = carrier.rgba[3] >= SOLID
    height, width = solid.shape
    columns = torch.arange(width, device=solid.device) + 0.5
    if worn:
        rows = solid.float().argmax(0).where(solid.any(0), solid.new_full((), height, dtype=torch.long))
        weight = (rows <= rows.min() + HIGHEST * height).float()
    else:
        weight = solid.float().sum(0)
    return float((columns * weight).sum() / weight.sum().clamp_min(1e-6))


def _first_row(opacity: Tensor) -> float:
    """How far from above [h, w] something begins, in the middle of its columns; pixels."""
    solid = opacity >= SOLID
    rows = solid.float().argmax(0)[solid.any(0)]
    return float(rows.float().median()) if len(rows) else opacity.shape[0] / 2


def carried(stack: LayerStack) -> LayerStack:
    """The stack with riders where their carriers are."""
    for place, carrier in stack.carriers().items():
        layer = stack.layers[place]
        assert layer.seat is not None
        x, y = stack.layers[carrier].pose(np.array(layer.seat.at)).tolist()
        pose = Similarity(layer.pose.scale, layer.pose.angle, x, y)
        stack = stack.with_layer(place, replace(layer, pose=pose))
    return stack


def let_down(stack: LayerStack, share: float) -> LayerStack:
    """The stack on its way to a `share` 0..1 of a transition: who is on what leaves comes down to where that one's foot is."""
    for place, carrier in stack.carriers().items():
        rider, under = stack.layers[place], stack.layers[carrier]
        if rider.seat is None or not under.leaving:
            continue
        (across, down), gone = rider.seat.at, 1 - under.opacity
        foot = (under.rgba.shape[-2] - rider.rgba.shape[-2] * rider.pose.scale / under.pose.scale) / 2
        if share >= 1:  # its carrier is gone
            (x, y), (to_x, to_y) = (
                tuple(under.pose(np.array(at))) for at in ((across, down), (across, foot))
            )
            seat = Seat("", 0, (float(x), float(y)), (float(to_x), float(to_y), rider.pose.scale), 1.0)
        elif share > gone:
            seat = replace(
                rider.seat, goal=(across, foot, rider.pose.scale), chunks=(1 - gone) / (share - gone)
            )
        else:
            continue
        stack = stack.with_layer(place, replace(rider, seat=seat))
    return stack


def with_carriers(flows: Tensor, stack: LayerStack, own: Tensor) -> Tensor:
    """`flows` [F, 2, h, w] in which the cells of riders move as their carriers do in the mean; `own` [layers, h, w]."""
    for place, carrier in stack.carriers().items():
        weight = own[carrier]
        mean = (flows * weight).sum((2, 3), keepdim=True) / weight.sum().clamp_min(1)
        flows = torch.where(own[place] > OWN, mean, flows)
    return flows
