"""What the stages that learn from crowds of things share."""

from __future__ import annotations

from training.config import CrowdConfig
from training.distributed import generator
from training.stages.base import SingleStage
from training.stages.codec import make_world
from training.world.touches import Crowd, Rng, Scenes, add_strangers, crowd


class CrowdStage(SingleStage):
    """Pictures in which things stand close and cover each other, over scenes that are painted once."""

    config: CrowdConfig

    def begin(self, step: int) -> None:
        recipe = self.context.recipe
        self.world = make_world(self.context)
        self.strangers = add_strangers(self.world)
        self.scenes = Scenes.paint(self.world, self.config.scenes, generator(recipe.seed, 2**31 + 1))
        self.codec = self.context.codec

    def crowd(self, rng: Rng) -> Crowd:
        """One picture."""
        return crowd(self.world, self.strangers, self.scenes, rng)
