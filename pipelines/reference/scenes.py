"""Layers for prompts: the scene and the things that a prompt names, put together from keyframes, and changed by a new prompt."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import count

import torch
from torch import Tensor

from flowbrush.models.keyframes import Ground, Keyframes
from flowbrush.models.pocket import PocketModel
from flowbrush.models.text.colors import COLORS, parted
from flowbrush.models.text.edits import DYE, GROW, REMOVE
from flowbrush.pipelines.controls import Blend, ChunkPlan
from flowbrush.pipelines.parsing.description import Description, describe
from flowbrush.pipelines.parsing.wanted import LOOKS_RIGHT, Wanted
from flowbrush.pipelines.reference import editing, transition
from flowbrush.pipelines.reference.climbing import dismounting, mounting
from flowbrush.pipelines.reference.layers import Layer, LayerStack
from flowbrush.pipelines.reference.layout import Placed, arrange, each_of
from flowbrush.pipelines.reference.pose import Similarity
from flowbrush.pipelines.reference.recolor import recolored
from flowbrush.pipelines.reference.seats import sat_down
from flowbrush.pipelines.reference.telling import everybody, names, nobody, retold
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

    def unheeded(self, plan: ChunkPlan, before: LayerStack) -> tuple[Notice, ...]:
        """What prompts that are new in this chunk say, and what cannot be shown of it, or changed of what was there `before`."""
        told = [(self.describe(((text, 1.0),)), text, control) for text, control in plan.new_texts]
        return tuple(
            Notice("partly_shown", why, control, text)
            for each, text, control in told
            for why in [*_unheeded(each), *editing.absent(before, each)]
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
        things = () if told.edit is not None and told.edit.kind == REMOVE else told.things
        placed = arrange(things, size, firsts, seed, drop.ground)
        layers = numbered([layer_of(self.keyframes, each, size) for each in placed])
        # Who a hand takes where its path begins stands there, and on nothing.
        each = [
            thing if place.first is None else replace(thing, on="")
            for thing, place in zip(each_of(things), placed, strict=True)
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
            return retold(stack, prompts, lambda layer: told.tells_deeds)
        counts, scene = Counter(counted(told.things)), told.scene
        lacking = transition.lacking(stack, counts)
        if told.edit is not None:
            stack, missing = self._edited(retold(stack, prompts, nobody), told, lacking)
        elif told.of_known and lacking != counts:
            scene, missing = None, lacking
            stack = retold(stack, prompts, everybody if told.of_them else names(told.things))
        else:
            any_color = frozenset(
                thing.label for thing in told.things if not thing.color and not thing.own_color
            )
            stack, missing = transition.begin(
                retold(stack, prompts, everybody), counts, self.known, any_color
            )
        height, width = stack.size
        if scene and scene != (stack.next_label or stack.label):
            drop = self.keyframes.backdrop(scene, stack.seed, (width, height))
            stack = transition.dissolve_to(stack, drop.picture, drop.margin, scene)
        stack = editing.without(stack, told.things)
        stack = self._with(stack, of_counts([thing for thing in told.things if not thing.leaves], missing))
        return mounting(dismounting(stack, told.things), told.things)

    def _edited(
        self, stack: LayerStack, told: Description, lacking: Counter[str]
    ) -> tuple[LayerStack, Counter[str]]:
        """The stack with what a prompt wants changed of it, and how many of each thing are to come."""
        assert told.edit is not None
        places = editing.chosen(stack, told)
        if told.edit.kind == REMOVE:
            return editing.removed(stack, places), Counter()
        if told.edit.kind == GROW:
            return editing.grown(stack, places, told.edit.factor), Counter()
        if told.edit.kind == DYE:
            return editing.dyed(
                stack, places, told.edit.hue, lambda name: sprite(self.keyframes, name)
            ), Counter()
        new = {thing.called for thing in told.things if not thing.definite}
        return stack, Counter(
            {name: n if name in new else lacking[name] for name, n in counted(told.things).items()}
        )

    def _with(self, stack: LayerStack, wanted: Sequence[Wanted]) -> LayerStack:
        """The stack with more things, which come where there is room, or on what they are to be on; behind what hands hold."""
        height, width = stack.size
        taken = [(layer.pose.x / width, layer.pose.y / height) for layer in stack.layers if not layer.leaving]
        placed = arrange(wanted, (width, height), (), stack.seed, self._ground(stack), taken)
        arriving = [replace(layer_of(self.keyframes, each, (width, height)), opacity=0.0) for each in placed]
        new = sat_down(numbered(arriving, stack.layers), each_of(wanted), stack.layers)
        return stack.with_more(new)

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


def sprite(keyframes: Keyframes, called: str) -> Tensor:
    """The picture [4, s, s] of a thing, in its own colour or the one that its name begins with."""
    color, label = parted(called)
    rgba = keyframes.sprites([label])[0]
    return recolored(rgba, COLORS[color]) if color else rgba


def layer_of(keyframes: Keyframes, placed: Placed, size: tuple[int, int]) -> Layer:
    """The thing that was placed in pictures of `size` (W, H)."""
    rgba = sprite(keyframes, placed.label)
    rgba = rgba.flip(-1) if placed.mirrored else rgba
    looks = "right" if placed.mirrored != (parted(placed.label)[1] in LOOKS_RIGHT) else "left"
    pose = Similarity(placed.size / rgba.shape[-1], placed.angle, placed.x, placed.y)
    return Layer(rgba, placed.label, pose, depth=min(1.0, max(0.0, placed.y / size[1])), looks=looks)


def numbered(layers: Sequence[Layer], there: Sequence[Layer] = ()) -> tuple[Layer, ...]:
    """New layers with numbers that no other of their label has, the lowest first; those that leave need theirs no longer."""
    taken = {(layer.label, layer.number) for layer in there if not layer.leaving}
    made = list[Layer]()
    for layer in layers:
        number = next(each for each in count() if (layer.label, each) not in taken)
        taken.add((layer.label, number))
        made.append(replace(layer, number=number))
    return tuple(made)


def of_counts(things: Sequence[Wanted], counts: Counter[str]) -> list[Wanted]:
    """As many of the things as there are to be of each name."""
    left, wanted = Counter(counts), list[Wanted]()
    for thing in things:
        count = min(thing.count, left[thing.called])
        left[thing.called] -= count
        if count:
            wanted.append(replace(thing, count=count))
    return wanted


def counted(things: Sequence[Wanted]) -> dict[str, int]:
    """How many there are to be of each thing, by its name with its colour."""
    counts: Counter[str] = Counter()
    for thing in things:
        counts[thing.called] += thing.count
    return dict(counts)
