"""What a hand or a path leads looks to where it goes: an animal that is drawn to the right does not go there tail first. Pure
functions.

Only what a prompt named turns, and of that what goes forward: a photo's things are left as they were taken.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import numpy as np

from flowbrush.models.text.colors import parted
from flowbrush.pipelines.reference.acquire import held_outlines
from flowbrush.pipelines.reference.layers import Layer, LayerStack, Lead
from flowbrush.pipelines.reference.outline import Polygons
from flowbrush.pipelines.reference.steps import TrackRows
from flowbrush.pipelines.staging.facing import turned

FORWARD = frozenset(
    """
    dog cat fox bear panda pig monkey mouse hamster koala tiger lion cow horse unicorn elephant giraffe rabbit frog penguin duck
    chicken chick turtle crab ladybug caterpillar snail owl butterfly bee eagle fish dolphin whale shark sailboat car bus taxi
    ambulance tractor bicycle scooter helicopter rocket
    """.split()
) | {"police car", "fire engine"}
"""Things with a front and a back, that go with the front ahead."""
FAR = 0.25
"""Of a thing's width: who was led so far against where it looks turns. With less a hand that trembles turns it over and over."""
AHEAD = 0.05
"""Of the picture's width: where a path first is so far from its beginning says which way it leads."""


def takes(stack: LayerStack, points: Mapping[int, tuple[float, float]]) -> LayerStack:
    """The stack in which those that one of the hands at `points` (track → x, y in pixels) has taken just now know where it did."""
    layers = []
    for layer in stack.layers:
        if len(layer.hands) != 1:
            layer = replace(layer, lead=None)
        for hand in layer.hands & points.keys():
            lead = Lead(points[hand]) if len(layer.hands) == 1 and _goes_forward(layer) else None
            layer = replace(layer, lead=lead)
        layers.append(layer)
    return replace(stack, layers=tuple(layers))


def led(stack: LayerStack, rows: TrackRows) -> tuple[LayerStack, frozenset[int]]:
    """The stack with what `rows`, those of the next chunk, lead elsewhere turned to there, and the tracks that hold it. It turns
    about the hand, which holds on to the same part.
    """
    turning, tracks = dict[int, float](), set[int]()
    for place, layer in enumerate(stack.layers):
        chosen = np.isin(rows.hands, list(layer.hands)) & rows.visible[:, 0] & rows.visible[:, -1]
        if layer.lead is None or not chosen.any():
            continue
        here, there = rows.xy[chosen, 0, 0].mean(), rows.xy[chosen, -1, 0].mean()
        against = float(here - there) * (1 if layer.looks == "right" else -1)
        gone = max(0.0, layer.lead.against + against)
        if gone > FAR * layer.rgba.shape[-1] * layer.pose.scale:
            turning[place], gone = float(here), 0.0
            tracks |= layer.hands
        stack = stack.with_layer(place, replace(layer, lead=replace(layer.lead, against=gone)))
    return turned(stack, turning), frozenset(tracks)


def outlines(stack: LayerStack, rows: TrackRows, tracks: Collection[int]) -> tuple[tuple[int, Polygons], ...]:
    """What each of `tracks` leads that has turned, where it would have stood as it was taken."""
    height, width = stack.size
    starts = {next(iter(layer.hands)): layer.lead.start for layer in stack.layers if layer.lead is not None}
    found = []
    for track, polygons in held_outlines(stack, sorted(tracks)):
        x, y = rows.xy[(rows.hands == track) & rows.visible[:, 0], 0].mean(0).tolist()
        dx, dy = (starts[track][0] - x) / width, (starts[track][1] - y) / height
        found.append((track, tuple(tuple((u + dx, v + dy) for u, v in each) for each in polygons)))
    return tuple(found)


def headed(stack: LayerStack, paths: Sequence[Sequence[tuple[float, float]]]) -> LayerStack:
    """The stack that a stream begins with, in which those at the beginnings of `paths` (x, y in frame sizes) look to where these
    lead.
    """
    height, width = stack.size
    for path in paths:
        place, way = stack.at(path[0][0] * width, path[0][1] * height), _way([x for x, _ in path])
        layer = None if place is None else stack.layers[place]
        if place is not None and layer is not None and _goes_forward(layer) and way not in ("", layer.looks):
            stack = turned(stack, {place: layer.pose.x})
    return stack


def _goes_forward(layer: Layer) -> bool:
    return bool(layer.looks) and parted(layer.label)[1] in FORWARD


def _way(xs: Sequence[float]) -> str:
    """To which side a path leads that is at `xs` (0..1 of the width), "" where that is neither."""
    far = next((x - xs[0] for x in xs if abs(x - xs[0]) > AHEAD), 0.0)
    return ("left" if far < 0 else "right") if far else ""
