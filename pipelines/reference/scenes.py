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
from flowbrush.models.text import edits
from flowbrush.models.text.colors import COLORS, parted
from flowbrush.models.text.daytimes import DARK
from flowbrush.pipelines.controls import Blend, ChunkPlan
from flowbrush.pipelines.parsing.clauses import ClauseReader, sentence
from flowbrush.pipelines.parsing.description import Description, describe
from flowbrush.pipelines.parsing.wanted import LOOKS_RIGHT, Wanted
from flowbrush.pipelines.reference import editing, pacing, putting, transition
from flowbrush.pipelines.reference.climbing import dismounting, mounting
from flowbrush.pipelines.reference.layers import Layer, LayerStack
from flowbrush.pipelines.reference.layout import Placed, arrange, each_of
from flowbrush.pipelines.reference.pose import Similarity
from flowbrush.pipelines.reference.recolor import recolored
from flowbrush.pipelines.reference.replacing import dealt, dyed, replaced
from flowbrush.pipelines.reference.seats import sat_down
from flowbrush.pipelines.reference.telling import everybody, names, nobody, retold
from flowbrush.pipelines.requests import Notice

DEFAULT_SCENE = "meadow"
MOST_THINGS = 24  # that prompts bring: nobody tells more apart, and each costs every chunk of the stream and of its neighbours
UNSEEN = {"rain": "no drops fall", "snow": "no flakes fall", "wind": "nothing bends"}
"""What the student makes of each kind of weather that it was taught."""
PHOTO_GROUND = Ground(level=0.8)  # where it begins in a photo is not known, and that is ground in most


class SceneMaker:
    """Stages prompts with a model's keyframes."""

    def __init__(self, model: PocketModel) -> None:
        self.keyframes, self.text = model.keyframes, model.text
        self.known = frozenset(self.keyframes.catalogue.things)
        self.clauses = ClauseReader(self.text, self.describe)

    def describe(self, prompts: Blend) -> Description:
        """What the prompts name: everything that any of them names, the heaviest one's scene."""
        return describe(prompts, self.text, self.keyframes)

    def unheeded(self, plan: ChunkPlan, before: LayerStack, after: LayerStack) -> tuple[Notice, ...]:
        """What prompts that are new in this chunk say, and what cannot be shown of it, or changed of what was there `before`, or
        has no room in what is there `after` it.
        """
        told = [(self.describe(((text, 1.0),)), text, control) for text, control in plan.new_texts]
        return tuple(
            Notice("partly_shown", why, control, text)
            for each, text, control in told
            for why in [
                *_unheeded(each),
                *editing.absent(before, each),
                *self._standing(before, each),
                *_crowded(each, after),
            ]
        )

    def _standing(self, before: LayerStack, told: Description) -> list[str]:
        """Who cannot be hurried, since it goes nowhere."""
        if told.edit is None or told.edit.kind != edits.PACE:
            return []
        stack = retold(before, before.prompt, nobody)
        chosen = [stack.layers[place] for place in editing.chosen(stack, told)]
        standing = [layer.label for layer in chosen if pacing.going(layer, self.clauses) is None]
        if told.edit.everything and len(standing) < len(chosen):
            return []
        return [f'the {name} goes nowhere: say what it is to do, as "the {name} runs"' for name in standing]

    def stage(
        self, prompts: Blend, size: tuple[int, int], seed: int, firsts: Sequence[tuple[float, float]]
    ) -> LayerStack:
        """The layers that a stream of pictures of `size` (W, H) begins with; things stand at `firsts` (frame sizes) in their
        order.
        """
        told = self.describe(prompts)
        scene = told.scene or DEFAULT_SCENE
        drop = self.keyframes.backdrop(scene, seed, size)
        things = _first(told)
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
        scene = told.scene
        if told.by_day and (stack.next_label or stack.label) in DARK:
            scene = DEFAULT_SCENE
        if told.of_what_is_there:
            return self._to_scene(retold(stack, prompts, lambda layer: told.tells_deeds), scene)
        counts, before = Counter(counted(told.things)), self.describe(stack.prompt)
        lacking = transition.lacking(stack, counts)
        if told.edit is not None:
            stack, coming = self._edited(retold(stack, prompts, nobody), told, lacking)
        elif told.of_known and lacking != counts:
            scene, coming = scene if told.placed else None, of_counts(told.things, lacking)
            stack = retold(stack, prompts, everybody if told.of_them else names(told.things))
        else:
            any_color = frozenset(
                thing.label for thing in told.things if not thing.color and not thing.own_color
            )
            stack, missing = transition.begin(
                retold(stack, prompts, everybody), counts, self.known, any_color
            )
            stack = putting.sided(editing.resized(stack, told.things, before.things), told.things)
            coming = of_counts(told.things, missing)
        stack = editing.without(self._to_scene(stack, scene), told.things)
        stack = self._with(stack, [thing for thing in coming if not thing.leaves])
        return mounting(dismounting(stack, told.things), told.things)

    def _to_scene(self, stack: LayerStack, scene: str | None) -> LayerStack:
        """The stack on its way to a scene, if that is another one."""
        if not scene or scene == (stack.next_label or stack.label):
            return stack
        height, width = stack.size
        drop = self.keyframes.backdrop(scene, stack.seed, (width, height))
        return transition.dissolve_to(stack, drop.picture, drop.margin, scene)

    def _edited(
        self, stack: LayerStack, told: Description, lacking: Counter[str]
    ) -> tuple[LayerStack, list[Wanted]]:
        """The stack with what a prompt wants changed of it, and the things that are to come."""
        assert told.edit is not None
        edit, places, coming = told.edit, editing.chosen(stack, told), list[Wanted]()
        match edit.kind:
            case edits.REMOVE:
                stack = editing.removed(stack, places)
            case edits.ONLY:
                stack = editing.removed(stack, editing.others(stack, places, self.known))
            case edits.REPLACE:
                by, coming = dealt(places, told.instead, edit.everything)
                stack = editing.removed(stack, set(places) - by.keys()) if by else stack
                stack = replaced(stack, by, self._sprite, self._goes_on)
            case edits.DYE:
                hues = {place: dyed(stack.layers[place], edit.hue) for place in places}
                stack = replaced(stack, hues, self._sprite, lambda layer, _: layer.told)
            case edits.GROW:
                stack = editing.grown(stack, places, edit.factor)
            case edits.PLACE:
                stack = putting.put(stack, places, edit.side, edit.height)
            case edits.SWAP if len(places) == 2:
                stack = putting.swapped(stack, *places)
            case edits.PACE:
                stack = pacing.urged(stack, places, self.clauses, edit.manner)
            case edits.TURN:
                stack = pacing.sent_back(stack, places, self.clauses)
            case edits.ADD:
                new = {thing.called for thing in told.things if not thing.definite}
                counts = counted(told.things).items()
                coming = of_counts(
                    told.things, Counter({name: n if name in new else lacking[name] for name, n in counts})
                )
        return stack, coming

    def _sprite(self, called: str) -> Tensor:
        return sprite(self.keyframes, called)

    def _goes_on(self, layer: Layer, thing: Wanted) -> Blend:
        """What a thing is told that comes in a layer's place: to go on as that went."""
        deed = pacing.going(layer, self.clauses)
        return () if deed is None else ((sentence(replace(deed, label=thing.called)), 1.0),)

    def _with(self, stack: LayerStack, wanted: Sequence[Wanted]) -> LayerStack:
        """The stack with more things, which come where there is room, or on what they are to be on; behind what hands hold."""
        wanted = of_room(wanted, MOST_THINGS - len(_named(stack)))
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


def _named(stack: LayerStack) -> list[Layer]:
    """The layers that prompts brought, and that stay."""
    return [layer for layer in stack.layers if layer.label and not layer.leaving]


def _crowded(told: Description, after: LayerStack) -> list[str]:
    """What is said where a prompt names things and the picture is full of them."""
    if not (told.things or told.instead) or len(_named(after)) < MOST_THINGS:
        return []
    return [f"no more than {MOST_THINGS} things are shown at once: remove some before others come"]


def _first(told: Description) -> tuple[Wanted, ...]:
    """The things that a stream begins with, where its first prompt asks for a change, too: of the colour that they are to have."""
    if told.edit is None:
        return told.things
    hue = told.edit.hue
    things = told.instead or (() if told.edit.kind == edits.REMOVE else told.things)
    return tuple(replace(thing, color=hue, own_color=False) if hue else thing for thing in things)


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


def of_room(things: Sequence[Wanted], room: int) -> list[Wanted]:
    """The first of the things that there is room for."""
    wanted = list[Wanted]()
    for thing in things:
        if room > 0:
            wanted.append(replace(thing, count=min(thing.count, room)))
        room -= thing.count
    return wanted


def counted(things: Sequence[Wanted]) -> dict[str, int]:
    """How many there are to be of each thing, by its name with its colour."""
    counts: Counter[str] = Counter()
    for thing in things:
        counts[thing.called] += thing.count
    return dict(counts)
