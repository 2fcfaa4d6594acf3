"""The stage `codec`: principal components of pictures, in closed form."""

from __future__ import annotations

from flowbrush.training.codec import fit_components
from flowbrush.training.parallel import cores
from flowbrush.training.stages.base import COMPONENTS, Context


def ensure_components(context: Context) -> None:
    """Fits and saves the components unless that has been done; the other processes of a distributed training wait."""
    if context.workers.first and not context.run.has("codec"):
        config, spec = context.recipe.codec, context.recipe.card.pocket_codec
        codec = fit_components(
            spec, config.clips, context.run.folder / "photos", context.recipe.seed, cores()
        )
        components = {name: getattr(codec, name).clone() for name in COMPONENTS}
        context.run.save("codec", {"components": components})
    context.workers.wait()
