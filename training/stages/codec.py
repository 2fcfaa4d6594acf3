"""The stage `codec`: principal components in closed form, then the correction by gradient."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

from models.codecs.pocket import PocketCodec
from training.codec import FrameCrops, correction_loss, fit_components
from training.config import STAGES
from training.distributed import seed_torch
from training.optim import MasterOptimiser
from training.parallel import cores
from training.sheets import codec_sheet
from training.stages.base import COMPONENTS, Context, Stage, averaged, load_components
from training.world.clip import World


def make_world(context: Context) -> World:
    card = context.recipe.card
    return World(card.width, card.height, context.recipe.core_share)


def ensure_components(context: Context) -> None:
    """Fits and saves the components unless that has been done."""
    if context.workers.first and not context.run.has("codec"):
        config, spec = context.recipe.codec, context.recipe.card.pocket_codec
        codec = fit_components(spec, make_world(context), config.fit_clips, context.recipe.seed, cores())
        components = {name: getattr(codec, name) for name in COMPONENTS}
        context.run.save("codec", {"components": components, "optimisers": {}, "step": 0, "elapsed": 0.0})
    context.workers.wait()


class CodecStage(Stage):
    name = "codec"
    on_pool = False

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        ensure_components(context)
        config = context.recipe.codec
        self.crop = config.crop
        self.crops = FrameCrops(
            make_world(context), config.clips, context.recipe.seed + 1 + context.workers.rank, cores()
        )
        seed_torch(context.recipe.seed, STAGES.index(self.name))  # the same first weights in every process
        self.codec = PocketCodec(context.recipe.card.pocket_codec)
        self.components = context.run.load("codec")["components"]
        load_components(self.codec, self.components)
        self.codec.to(context.device).correction.to(context.dtype)
        self.optimiser = MasterOptimiser(self.codec.correction, config.rate, config.ema)
        self.optimisers = {"correction": self.optimiser}

    def update(self, step: int, progress: float) -> dict[str, float]:
        rng = self.rng(step)
        frames = self.crops.draw(rng, self.config.batch, self.crop[0], self.crop[1], self.codec.spec.stride)
        loss, decibels = correction_loss(self.codec, frames.to(self.context.device), rng)
        loss.backward()
        norm = self.apply(self.codec.correction, self.optimiser, progress)
        return {"loss": float(loss.detach()), "psnr": decibels, "norm": norm}

    def sheet(self, path: Path) -> None:
        twin = copy.deepcopy(self.codec)
        twin.correction = averaged(self.codec.correction, self.optimiser)  # type: ignore[assignment]
        codec_sheet(path, twin, self.crops.clips[:3], self.context.device)

    def state(self) -> dict[str, Any]:
        return {**super().state(), "components": self.components}

    def restore(self, state: dict[str, Any]) -> None:
        if state["optimisers"]:
            super().restore(state)
