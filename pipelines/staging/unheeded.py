"""What the person should know of a prompt: what of it cannot be shown, and why. Pure functions."""

from __future__ import annotations

from flowbrush.pipelines.parsing.description import Description
from flowbrush.pipelines.reference.layers import Layer, LayerStack

MOST_THINGS = 24  # that prompts bring: nobody tells more apart, and each costs every chunk of the stream and of its neighbours
UNSEEN = {"rain": "no drops fall", "snow": "no flakes fall", "wind": "nothing bends"}
"""What the student makes of each kind of weather that it was taught."""


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
