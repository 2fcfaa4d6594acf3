"""Layers for prompts: the scene and the things that a prompt names, put together from keyframes, and changed by a new prompt."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import count

import torch

from flowbrush.models.keyframes import Ground, Keyframes
from flowbrush.models.pocket import PocketModel
from flowbrush.models.text.colors import COLORS, parted
from flowbrush.pipelines.controls import Blend, ChunkPlan
from flowbrush.pipelines.reference import transition
from flowbrush.pipelines.reference.climbing import mounting
from flowbrush.pipelines.reference.description import Description, describe
from flowbrush.pipelines.reference.layers import Layer, LayerStack
from flowbrush.pipelines.reference.layout import Placed, arrange, each_of
from flowbrush.pipelines.reference.pose import Similarity
from flowbrush.pipelines.reference.recolor import recolored
from flowbrush.pipelines.reference.seats import sat_down
from flowbrush.pipelines.reference.wanted import Wanted
from flowbrush.pipelines.requests import Notice

DEFAULT_SCENE = "meadow"
UNSEEN = {"rain": "no drops fall", "snow": "no flakes fall", "wind": "nothing bends"}
"""What the student makes of each kind of weather that it was taught."""
PHOTO_GROUND = Ground(level=0.8)  # where it begins in a photo is not known, and that is ground in most


class SceneMaker:
    """Stages prompts with a model's keyframes."""

    def __init__(self, model: PocketModel) -> None:
        self.keyframes, self.text = model.keyframes, model.text
        self.known = frozenset(self.keyframes.catalogue.things)

    def describe(self, prompts: Blend) -> Description:
        """What the prompts name: everything that any of them names, the heaviest one's scene."""
        return describe(prompts, self.text, self.keyframes)

    def unheeded(self, plan: ChunkPlan) -> tuple[Notice, ...]:
        """What prompts that are new in this chunk say, and what cannot be shown."""
        return tuple(
            Notice("partly_shown", why, control, text)
            for text, control in plan.new_texts
            for why in _unheeded(self.describe(((text, 1.0),)))
        )

    def stage(
        self, prompts: Blend, size: tuple[int, int], seed: int, firsts: Sequence[tuple[float, float]]
    ) -> LayerStack:
        """The layers that a stream of pictures of `size` (W, H) begins with; things stand at `firsts` (frame sizes) in their
        order.
        """
        told = self.describe(prompts)
        scene = told.scene or DEFAULT_SCENE
        drop = self.keyframes.backdrop(scene, seed, size)
        placed = arrange(told.things, size, firsts, seed, drop.ground)
        layers = numbered([layer_of(self.keyframes, each, size) for each in placed])
        # Who a hand takes where its path begins stands there, and on nothing.
        each = [
            thing if place.first is None else replace(thing, on="")
            for thing, place in zip(each_of(told.things), placed, strict=True)
        ]
        layers = sat_down(layers, each)
        sure = torch.ones_like(drop.picture[:1])
        return LayerStack(
            drop.picture, sure, layers, margin=drop.margin, label=scene, prompt=prompts, seed=seed
        )

    def turn(self, stack: LayerStack, plan: ChunkPlan) -> LayerStack:
        """The stack under the plan's prompt: a new one begins a transition, one under way goes on."""
        if plan.prompt != stack.prompt:
            stack = self._begin(stack, plan.prompt)
        changing = any(layer.opacity < 1 or layer.leaving for layer in stack.layers)
        if changing or stack.next_background is not None:
            return transition.advance(stack, plan.share)
        return stack

    def _begin(self, stack: LayerStack, prompts: Blend) -> LayerStack:
        told = self.describe(prompts)
        if told.of_what_is_there:
            return replace(stack, prompt=prompts)
        counts, scene = Counter(counted(told.things)), told.scene
        missing = transition.lacking(stack, counts)
        if told.of_known and missing != counts:
            scene = None
        else:
            any_color = frozenset(
                thing.label for thing in told.things if not thing.color and not thing.own_color
            )
            stack, missing = transition.begin(stack, counts, self.known, any_color)
        height, width = stack.size
        if scene and scene != (stack.next_label or stack.label):
            drop = self.keyframes.backdrop(scene, stack.seed, (width, height))
            stack = transition.dissolve_to(stack, drop.picture, drop.margin, scene)
        wanted = []
        for thing in told.things:
            lacking = min(thing.count, missing[thing.called])
            missing[thing.called] -= lacking
            if lacking:
                wanted.append(replace(thing, count=lacking))
        taken = [(layer.pose.x / width, layer.pose.y / height) for layer in stack.layers if not layer.leaving]
        placed = arrange(wanted, (width, height), (), stack.seed, self._ground(stack), taken)
        arriving = [replace(layer_of(self.keyframes, each, (width, height)), opacity=0.0) for each in placed]
        new = sat_down(numbered(arriving, stack.layers), each_of(wanted), stack.layers)
        return mounting(replace(stack, layers=(*stack.layers, *new), prompt=prompts), told.things)

    def _ground(self, stack: LayerStack) -> Ground:
        """Where things stand in the scene that a stack shows, or is on its way to; in a photo in its lower part."""
        label = stack.next_label or stack.label
        if not label:
            return PHOTO_GROUND
        height, width = stack.size
        return self.keyframes.backdrop(label, stack.seed, (width, height)).ground


def _unheeded(told: Description) -> list[str]:
    """What a prompt says that cannot be shown, and why."""
    weather = [f"{each} is hardly seen: {UNSEEN[each]}" for each in told.weather if each in UNSEEN]
    later = [
        f"what comes after {each!r} is left out: say it in a prompt of its own, when it is time"
        for each in told.later
    ]
    return [why for thing in told.things for why in thing.unheeded] + weather + later


def layer_of(keyframes: Keyframes, placed: Placed, size: tuple[int, int]) -> Layer:
    """The thing that was placed in pictures of `size` (W, H)."""
    color, label = parted(placed.label)
    rgba = keyframes.sprites([label])[0]  # [4, s, s]
    rgba = recolored(rgba, COLORS[color]) if color else rgba
    rgba = rgba.flip(-1) if placed.mirrored else rgba
    pose = Similarity(placed.size / rgba.shape[-1], placed.angle, placed.x, placed.y)
    return Layer(rgba, placed.label, pose, depth=min(1.0, max(0.0, placed.y / size[1])))


def numbered(layers: Sequence[Layer], there: Sequence[Layer] = ()) -> tuple[Layer, ...]:
    """New layers with numbers that no other of their label has, the lowest first; those that leave need theirs no longer."""
    taken = {(layer.label, layer.number) for layer in there if not layer.leaving}
    made = list[Layer]()
    for layer in layers:
        number = next(each for each in count() if (layer.label, each) not in taken)
        taken.add((layer.label, number))
        made.append(replace(layer, number=number))
    return tuple(made)


def counted(things: Sequence[Wanted]) -> dict[str, int]:
    """How many there are to be of each thing, by its name with its colour."""
    counts: Counter[str] = Counter()
    for thing in things:
        counts[thing.called] += thing.count
    return dict(counts)
