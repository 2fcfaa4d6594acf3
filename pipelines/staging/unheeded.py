"""What the person should know of a prompt: what of it cannot be shown, and why. Pure functions."""

from __future__ import annotations

from flowbrush.pipelines.parsing.description import Description
from flowbrush.pipelines.reference.layers import Layer, LayerStack

MOST_THINGS = 24  # that prompts bring: nobody tells more apart, and each costs every chunk of the stream and of its neighbours
UNSEEN = {"rain": "no drops fall", "snow": "no flakes fall", "wind": "nothing bends"}
"""What the student makes of each kind of weather that it was taught."""


NOTHING_SAID = (
    "this says nothing that can be shown: say what there is to see, what it does, or what is to change"
)


def says_nothing(told: Description) -> bool:
    """Whether a prompt of words that are known says neither what there is, nor what it does, nor of the light, nor of a change."""
    acts = told.tells_deeds or told.edit is not None or told.clears or told.of_scenery
    return told.of_what_is_there and not (acts or told.weather or told.by_day or told.light or told.later)


def unheeded(told: Description) -> list[str]:
    """What a prompt says that cannot be shown, and why."""
    weather = [f"{each} is hardly seen: {UNSEEN[each]}" for each in told.weather if each in UNSEEN]
    later = [
        f"what comes from {each!r} on is left out: say it in a prompt of its own, when it is time"
        for each in told.later
    ]
    return [why for thing in told.things for why in thing.unheeded] + weather + later


def crowded(told: Description, after: LayerStack) -> list[str]:
    """What is said where a prompt names things and the picture is full of them."""
    if not (told.things or told.instead) or len(named(after)) < MOST_THINGS:
        return []
    return [f"no more than {MOST_THINGS} things are shown at once: remove some before others come"]


def named(stack: LayerStack) -> list[Layer]:
    """The layers that prompts brought, and that stay."""
    return [layer for layer in stack.layers if layer.label and not layer.leaving]
