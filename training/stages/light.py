"""The stage `light`: components of what is new in a picture, in closed form."""

from __future__ import annotations

from flowbrush.training.light import fit_light
from flowbrush.training.parallel import cores
from flowbrush.training.stages.base import COMPONENTS, Context


def ensure_light(context: Context) -> None:
    """Fits the light's components where that has not been done; the other processes of a distributed training wait."""
    if context.workers.first and not context.run.has("light"):
        recipe = context.recipe
        codec = fit_light(recipe.card.pocket_light, recipe.light.clips, 20_000 + recipe.seed, cores())
        components = {name: getattr(codec, name).clone() for name in COMPONENTS}
        context.run.save("light", {"components": components})
    context.workers.wait()
