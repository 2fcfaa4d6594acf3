"""Who is in a clip, what they are to do and where, and the words for it; nothing drawn or moved yet."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from flowbrush.training.world import lexicon, verbs
from flowbrush.training.world.bodies import Place, start_spot
from flowbrush.training.world.clip import MARGIN_X, MARGIN_Y, call, caption
from flowbrush.training.world.photos import Photos
from flowbrush.training.world.scenes import Layout, lay_out_scene
from flowbrush.training.world.sprites import SpriteBook
from flowbrush.training.world.verbs import Doing, Weather

Rng = np.random.Generator
Array = np.ndarray
SAYS_WHAT = 0.5  # share of clips whose caption has verbs
SAYS_OF_ONE = 0.85  # ... and of things in it that are said to do something
SAYS_WEATHER = 0.3
PHOTO = "photo"  # the scene of a clip over a photo
CUT_OUT_SIZES = (48.0, 150.0)  # pixels
APART = 66  # pixels between things at first
SPOT_TRIES = 40


@dataclass
class Actor:
    """A thing before it moves: what it does, and where it starts in the frame."""

    name: str
    kind: str
    doing: Doing | None
    size: float
    start: Array


@dataclass
class Plan:
    """Who is there, what they do, and where: `layout` in world pixels."""

    scene: str
    picture: Array
    layout: Layout
    weather: Weather | None
    caption: str
    actors: list[Actor]
    book: SpriteBook


class Casting:
    """Draws plans for frames of width x height. `core_share` is the share of things taken from the core list."""

    def __init__(self, width: int, height: int, core_share: float) -> None:
        nouns = lexicon.CORE + lexicon.EXTRA
        self.book = SpriteBook({noun.name: noun.glyph for noun in nouns})
        self.core = [noun for noun in lexicon.CORE if noun.name in self.book.levels]
        self.everything = [noun for noun in nouns if noun.name in self.book.levels]
        self.width, self.height, self.core_share = width, height, core_share

    def in_scene(self, rng: Rng) -> Plan:
        """Named things in a painted scene."""
        plan = self._scene(rng, str(rng.choice(list(lexicon.SCENES))))
        scene = plan.scene
        weather = plan.weather = verbs.draw_weather(rng, scene) if rng.random() < SAYS_WEATHER else None
        says = rng.random() < SAYS_WHAT
        words: list[str] = []
        for _ in range(int(rng.choice([1, 2, 3], p=[0.45, 0.37, 0.18]))):
            self._add(rng, plan, words, says)
        plan.actors.sort(key=lambda actor: float(actor.start[1]))
        plan.caption = caption(rng, words, call(rng, scene, lexicon.SCENES[scene]))
        if weather:
            sky = verbs.say_weather(rng, weather, scene)
            plan.caption = f"{sky}, {plan.caption}" if rng.random() < 0.4 else f"{plan.caption}, {sky}"
        return plan

    def at_rest(self, rng: Rng, name: str, scene: str) -> Plan:
        """One thing that nobody says anything of, in a scene without weather. Raises KeyError for a thing without a picture."""
        if name not in self.book.levels:
            raise KeyError(f"there is no picture of {name!r}")
        plan = self._scene(rng, scene)
        kind, size = verbs.kind_of(name, scene), 64.0
        plan.actors.append(Actor(name, kind, None, size, start_spot(rng, kind, None, size, self.place(plan))))
        plan.caption = caption(rng, [name], scene)
        return plan

    def _scene(self, rng: Rng, scene: str) -> Plan:
        size = self.width + 2 * MARGIN_X, self.height + 2 * MARGIN_Y
        picture, layout = lay_out_scene(scene, rng, *size)
        return Plan(scene, picture, _in_pixels(layout, *size), None, "", [], self.book)

    def _add(self, rng: Rng, plan: Plan, words: list[str], says: bool) -> None:
        """One more thing, where there is room for it."""
        pool = self.core if rng.random() < self.core_share else self.everything
        noun = pool[int(rng.integers(len(pool)))]
        kind = verbs.kind_of(noun.name, plan.scene)
        size = float(np.clip(rng.normal(64, 10), 44, 84))
        doing = verbs.draw_doing(rng, noun.name, plan.scene) if says and rng.random() < SAYS_OF_ONE else None
        for _ in range(SPOT_TRIES):
            spot = start_spot(rng, kind, doing, size, self.place(plan))
            if all(np.linalg.norm(spot - other.start) > APART for other in plan.actors):
                break
        else:
            if plan.actors:
                return
        adjective = "" if rng.random() < 0.5 else "small " if size < 56 else "big " if size > 72 else ""
        word = adjective + call(rng, noun.name, noun.synonyms)
        words.append(verbs.say_doing(rng, word, doing) if doing else word)
        plan.actors.append(Actor(noun.name, kind, doing, size, spot))

    def over_photo(self, rng: Rng, photos: Photos) -> Plan:
        """Soft bodies over a photo. Nobody said what they are; what falls from the sky may be said."""
        picture = photos.background(rng, self.width, self.height, (MARGIN_X, MARGIN_Y))
        layout = Layout(0.35 * self.height, 0.55 * self.height)
        weather = verbs.draw_weather(rng, PHOTO) if rng.random() < SAYS_WEATHER else None
        said = verbs.say_weather(rng, weather, PHOTO) if weather else ""
        plan = Plan(PHOTO, picture, layout, weather, said, [], SpriteBook.of({}))
        for number in range(int(rng.choice([1, 2, 3], p=[0.6, 0.3, 0.1]))):
            size = float(np.exp(rng.uniform(*np.log(CUT_OUT_SIZES))))
            spot = np.array([rng.uniform(0.15, 0.85) * self.width, rng.uniform(0.2, 0.85) * self.height])
            if all(np.linalg.norm(spot - other.start) > (size + other.size) / 2 for other in plan.actors):
                name = f"piece {number}"
                plan.book.levels[name] = photos.sprite(rng)
                plan.actors.append(Actor(name, "cut-out", None, size, spot))
        plan.actors.sort(key=lambda actor: float(actor.start[1]))
        return plan

    def place(self, plan: Plan) -> Place:
        """The frame, and what there is to fall on and to float in."""
        if plan.scene == PHOTO:
            return Place(self.width, self.height, None, None)
        return Place(
            self.width, self.height, plan.layout.ground, plan.layout.water, plan.scene == "under water"
        )


def _in_pixels(layout: Layout, width: int, height: int) -> Layout:
    """A layout in world pixels, of a scene painted at this size."""

    def row(y: float) -> float:
        return y * height - MARGIN_Y

    water = (row(layout.water[0]), row(layout.water[1])) if layout.water else None
    sun = (
        (layout.sun[0] * width - MARGIN_X, row(layout.sun[1]), layout.sun[2] * height) if layout.sun else None
    )
    return Layout(row(layout.horizon), row(layout.ground), water, sun)
