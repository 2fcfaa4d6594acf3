"""Layers for prompts: the scene and the things that a prompt names, put together from keyframes, and changed by a new prompt."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

import torch

from flowbrush.models.keyframes import Ground
from flowbrush.models.pocket import PocketModel
from flowbrush.models.text.colors import parted
from flowbrush.models.text.edits import GO, REMOVE, edited
from flowbrush.models.text.scenery import tells_of_scenery
from flowbrush.models.text.scenes import LIGHTS
from flowbrush.models.text.words import spoken
from flowbrush.pipelines.conditions.controls import Blend, ChunkPlan
from flowbrush.pipelines.parsing.clauses import ClauseReader
from flowbrush.pipelines.parsing.counts import counted, of_counts, of_room
from flowbrush.pipelines.parsing.description import Description, describe
from flowbrush.pipelines.parsing.heights import FREE
from flowbrush.pipelines.parsing.wanted import Wanted
from flowbrush.pipelines.parsing.waters import scene_of
from flowbrush.pipelines.reference.layers import Layer, LayerStack
from flowbrush.pipelines.reference.tones import DAY, TONES, tone_of
from flowbrush.pipelines.requests import Notice
from flowbrush.pipelines.staging import editing, putting, transition
from flowbrush.pipelines.staging.climbing import dismounting, mounting
from flowbrush.pipelines.staging.editor import Editor
from flowbrush.pipelines.staging.figures import layer_of, numbered
from flowbrush.pipelines.staging.layout import arrange, each_of
from flowbrush.pipelines.staging.neighbours import beside, in_depth
from flowbrush.pipelines.staging.seats import sat_down
from flowbrush.pipelines.staging.telling import everybody, names, nobody, retold
from flowbrush.pipelines.staging.understood import understood
from flowbrush.pipelines.staging.unheeded import (
    MOST_THINGS,
    NOTHING_SAID,
    crowded,
    named,
    says_nothing,
    unheeded,
)
from flowbrush.pipelines.staging.which import those_ones

DEFAULT_SCENE = "meadow"
KEPT = 64  # descriptions that are remembered: a chunk with a new prompt asks for the same ones several times
DARK = tuple(TONES[light] for light in LIGHTS)
PHOTO_GROUND = Ground(level=0.8)  # where it begins in a photo is not known, and that is ground in most


class SceneMaker:
    """Stages prompts with a model's keyframes."""

    def __init__(self, model: PocketModel) -> None:
        self.keyframes, self.text = model.keyframes, model.text
        catalogue = self.keyframes.catalogue
        self.known = frozenset(catalogue.things)
        homes = zip(catalogue.things, catalogue.homes, strict=True)
        self.walkers = frozenset(thing for thing, home in homes if home == "ground")
        self._described = lru_cache(KEPT)(lambda prompts: describe(prompts, self.text, self.keyframes))
        self.clauses = ClauseReader(self.text, self.describe)
        self.editor = Editor(self.keyframes, self.clauses)

    def describe(self, prompts: Blend) -> Description:
        """What the prompts name: everything that any of them names, the heaviest one's scene."""
        return self._described(prompts)

    def unheeded(self, plan: ChunkPlan, before: LayerStack, after: LayerStack) -> tuple[Notice, ...]:
        """What prompts that are new in this chunk say, and what cannot be shown of it, or changed of what was there `before`, or
        has no room in what is there `after` it.
        """
        told = [(self.describe(((text, 1.0),)), text, control) for text, control in plan.new_texts]
        return tuple(
            Notice("partly_shown", why, control, text)
            for each, text, control in told
            for why in [
                *unheeded(each),
                *editing.absent(before, each),
                *self.editor.standing(before, each),
                *crowded(each, after),
                *([NOTHING_SAID] if says_nothing(each) and self._is_known(text) else []),
            ]
        )

    def _is_known(self, text: str) -> bool:
        """Whether nothing else is to be told of the words of a prompt, which has some."""
        return bool(spoken(text)) and not (self.text.unknown(text) or self.text.remarks(text))

    def understood(self, plan: ChunkPlan, stack: LayerStack) -> frozenset[str]:
        """Words of new prompts that were never trained, and by which a photo's `stack` has something all the same."""
        said = (
            (text, self.describe(((text, 1.0),)), stack, self.text.unknown(text))
            for text, _ in plan.new_texts
        )
        return frozenset().union(*(understood(*each) for each in said))

    def stage(
        self, prompts: Blend, size: tuple[int, int], seed: int, firsts: Sequence[tuple[float, float]]
    ) -> LayerStack:
        """The layers that a stream of pictures of `size` (W, H) begins with; things stand at `firsts` (frame sizes) in their
        order.
        """
        told = self.describe(prompts)
        scene = (
            told.scene or scene_of(told.things) or DEFAULT_SCENE
        )  # "a shark appears" asks for no change yet
        drop = self.keyframes.backdrop(scene, seed, size)
        things = _first(told)
        placed = arrange(things, size, firsts, seed, drop.ground)
        layers = numbered([layer_of(self.keyframes, each, size) for each in placed])
        # Who a hand takes where its path begins stands there, and on nothing.
        each = [
            thing if place.first is None else replace(thing, on="", near=("", ""))
            for thing, place in zip(each_of(things), placed, strict=True)
        ]
        layers = beside(layers, each, (), size[0])
        layers = in_depth(sat_down(layers, each), layers, each)
        sure = torch.ones_like(drop.picture[:1])
        stack = LayerStack(drop.picture, sure, layers, label=scene, prompt=prompts, seed=seed)
        tone = tone_of(told.light, drawn_in(told.weather), by_day=True) or DAY
        return replace(stack, margin=drop.margin, tone=tone)

    def over_photo(self, stack: LayerStack, prompts: Blend) -> LayerStack:
        """The stack of a photo that prompts come together with, in their tone."""
        told = self.describe(prompts)
        tone = tone_of(told.light or told.scene, told.weather, told.by_day, told.clears)
        return replace(stack, prompt=prompts, tone=tone or stack.tone)

    def turn(self, stack: LayerStack, plan: ChunkPlan) -> LayerStack:
        """The stack under the plan's prompt: a new one begins a transition, one under way goes on."""
        if plan.prompt != stack.prompt:
            stack = self._begin(stack, plan.prompt)
        changing = any(layer.opacity < 1 or layer.leaving for layer in stack.layers)
        if changing or stack.next_background is not None or stack.next_tone is not None:
            return transition.advance(stack, plan.share)
        return stack

    def _begin(self, stack: LayerStack, prompts: Blend) -> LayerStack:
        told = self.describe(prompts)
        stack, scene = lit_as(stack, told, prompts) if stack.of_photo else relit(stack, told)
        if told.of_what_is_there:
            meant = range(len(stack.layers)) if told.which is None else those_ones(stack, told.which)
            hearing = [stack.layers[place] for place in meant if told.tells_deeds]
            return self._to_scene(
                retold(stack, prompts, lambda layer: any(layer is each for each in hearing)), scene
            )
        counts, before = Counter(counted(told.things)), self.describe(stack.prompt)
        lacking = transition.lacking(stack, counts)
        if told.edit is not None:
            stack, coming = self.editor.edited(retold(stack, prompts, nobody), told, lacking, before.things)
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
        return putting.joined(mounting(dismounting(stack, told.things), told.things), told.things)

    def _to_scene(self, stack: LayerStack, scene: str | None) -> LayerStack:
        """The stack on its way to a scene, if that is another one."""
        if not scene or scene == (stack.next_label or stack.label):
            return stack
        height, width = stack.size
        drop = self.keyframes.backdrop(scene, stack.seed, (width, height))
        stack = transition.dissolve_to(stack, drop.picture, drop.margin, scene)
        on_ground = [place for place, layer in enumerate(stack.layers) if self._stands(stack, layer)]
        return putting.landed(stack, on_ground, drop.ground.level) if drop.ground.level < 1 else stack

    def _stands(self, stack: LayerStack, layer: Layer) -> bool:
        """Whether it has its feet on the ground, as far as the prompts that it hears say nothing else."""
        told = self.clauses.wanted(layer.told or stack.prompt, layer.label, layer.number)
        return parted(layer.label)[1] in self.walkers and (told is None or told.verb not in FREE)

    def _with(self, stack: LayerStack, wanted: Sequence[Wanted]) -> LayerStack:
        """The stack with more things, which come where there is room, or on what they are to be on; behind what hands hold."""
        wanted = of_room(wanted, MOST_THINGS - len(named(stack)))
        height, width = stack.size
        taken = [(layer.pose.x / width, layer.pose.y / height) for layer in stack.layers if not layer.leaving]
        placed = arrange(wanted, (width, height), (), stack.seed, self.ground(stack), taken)
        arriving = [replace(layer_of(self.keyframes, each, (width, height)), opacity=0.0) for each in placed]
        each = each_of(wanted)
        new = beside(numbered(arriving, stack.layers), each, stack.layers, width)
        layers = [*stack.layers, *sat_down(new, each, stack.layers)]
        return stack.with_all(in_depth(layers, new, each))

    def ground(self, stack: LayerStack) -> Ground:
        """Where things stand in the scene that a stack shows, or is on its way to; in a photo in its lower part."""
        label = stack.next_label or stack.label
        if not label:
            return PHOTO_GROUND
        height, width = stack.size
        return self.keyframes.ground(label, stack.seed, (width, height))


def lit_as(stack: LayerStack, told: Description, prompts: Blend) -> tuple[LayerStack, str | None]:
    """A photo in the tone of what new prompts say, and the scene that is to take its place: none where they name a time of day or
    a weather, which it is shown in, or say what goes on where it was taken, or is to be changed there: "the waves roll", "the horse
    runs on the grass", "add a dog on the beach".
    """
    tone = tone_of(told.scene, told.weather, told.by_day, clears_up(stack, told))
    if tone is not None:
        return transition.tone_to(stack, tone), None
    asked = any(edited(text)[1] is not None for text, _ in prompts)
    its_own = not told.things or any(
        stack.layers[place].cut for thing in told.things for place in editing.those(stack.layers, thing)
    )
    does = told.tells_deeds or any(tells_of_scenery(text) for text, _ in prompts)
    within = told.edit is not None and told.edit.kind != GO  # "put a ball on the grass": on its own
    stays = not told.scene or within or (does and its_own and not asked)
    tone = tone_of(told.light, (), by_day=not stays)
    stack = stack if tone is None else transition.tone_to(stack, tone)
    return stack, None if stays else told.scene


def relit(stack: LayerStack, told: Description) -> tuple[LayerStack, str | None]:
    """A scene in the light of what new prompts say, and the scene that is to take its place. A time of day that is said of what is
    there is a light, too, but for a meadow: the hills by night have a picture of their own.
    """
    there, scene = stack.next_label or stack.label, told.scene
    if told.by_day and there in LIGHTS:
        scene = DEFAULT_SCENE
    if scene in LIGHTS and not told.things and there not in (*LIGHTS, DEFAULT_SCENE):
        return transition.tone_to(stack, TONES[scene]), None
    another = told.placed or told.by_day or scene not in (None, there)
    tone = tone_of(told.light, drawn_in(told.weather), another, clears_up(stack, told))
    if not another and tone == TONES["rain"] and (stack.next_tone or stack.tone) in DARK:
        tone = None  # it rains by night, too
    return (stack if tone is None else transition.tone_to(stack, tone)), scene


def clears_up(stack: LayerStack, told: Description) -> bool:
    """Whether a weather that is seen is said to be over; what is over at night leaves it night."""
    return told.clears and (stack.next_tone or stack.tone) not in DARK


def drawn_in(weather: Sequence[str]) -> list[str]:
    """The weather that a drawn scene is shown in the light of: there is one of snow."""
    return [name for name in weather if name != "snow"]


def _first(told: Description) -> tuple[Wanted, ...]:
    """The things that a stream begins with, where its first prompt asks for a change, too: of the colour that they are to have."""
    if told.edit is None:
        return told.things
    hue = told.edit.hue
    things = told.instead or (() if told.edit.kind == REMOVE else told.things)
    return tuple(replace(thing, color=hue, own_color=False) if hue else thing for thing in things)
