"""What all stages share: where they run, what earlier ones made, how one update is done."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from flowbrush.models.cards.spec import StudentSpec
from flowbrush.models.codecs.pocket import PocketCodec
from flowbrush.models.inpainting.inpainter import Inpainter
from flowbrush.models.keyframes import Keyframes
from flowbrush.models.segmentation.segmenter import Segmenter
from flowbrush.models.text.pocket import PocketText
from flowbrush.models.transformer import CausalTransformer
from flowbrush.training.config import STAGES, Recipe, StageConfig
from flowbrush.training.data import Source, ahead
from flowbrush.training.distributed import Workers, generator, seed_torch, to_cpu
from flowbrush.training.keyframe_data import catalogue
from flowbrush.training.optim import MasterOptimiser
from flowbrush.training.pool import Pool, mark_pool, pool_files
from flowbrush.training.run import MissingStage, Run

Network = TypeVar("Network", bound=nn.Module)
FLOOR = 0.03  # of the rate is left at the end of a decay
COMPONENTS = ("mean", "basis", "scale")
STUDENTS = ("distill", "rollout", "forcing")  # the last one that has run is the student


@dataclass
class Context:
    """Recipe, folder and place of a training, and what its earlier stages have made."""

    recipe: Recipe
    run: Run
    workers: Workers
    dtype: torch.dtype

    @property
    def device(self) -> torch.device:
        return self.workers.device

    @cached_property
    def codec(self) -> PocketCodec:
        """The codec that the stage `codec` made, averaged, not to be trained."""
        state = self.run.load("codec")
        codec = PocketCodec(self.recipe.card.pocket_codec)
        load_components(codec, state["components"])
        return codec.to(self.device).eval().requires_grad_(False)

    @cached_property
    def light(self) -> PocketCodec:
        """The codec of the light, which the stage `light` made."""
        codec = PocketCodec(self.recipe.card.pocket_light)
        load_components(codec, self.run.load("light")["components"])
        return codec.to(self.device).eval().requires_grad_(False)

    @cached_property
    def text(self) -> PocketText:
        state = self.run.load("text")
        text = PocketText(self.recipe.card.pocket_text, state["vocabulary"], state.get("concepts", ()))
        text.load_state_dict(state["encoder"])
        return text.to(self.device).eval().requires_grad_(False)

    @cached_property
    def keyframes(self) -> Keyframes | None:
        """The averaged keyframes; None where that stage has not run."""
        keyframes = self._single("keyframes", lambda: Keyframes(self.recipe.card.keyframes_spec, catalogue()))
        if keyframes is not None:
            keyframes.load_state_dict(self.run.load("keyframes")["buffers"], strict=False)
        return keyframes

    @cached_property
    def segmenter(self) -> Segmenter | None:
        """The averaged segmenter; None where that stage has not run."""
        return self._single("segmenter", lambda: Segmenter(self.recipe.card.pocket_segmenter))

    @cached_property
    def inpainter(self) -> Inpainter | None:
        """The averaged inpainter; None where that stage has not run."""
        return self._single("inpainter", lambda: Inpainter(self.recipe.card.pocket_inpainter))

    def _single(self, stage: str, make: Callable[[], Network]) -> Network | None:
        """The averaged network of a stage that makes one by the stage's name, not to be trained; None where it has not run."""
        if not self.run.has(stage):
            return None
        network = make()
        fill_averages(network, self.run.load(stage)["optimisers"][stage])
        return network.to(self.device).eval().requires_grad_(False)

    @cached_property
    def source(self) -> Source:
        """The pool. Raises MissingStage where it is not whole."""
        wanted, there = self.recipe.pool.shards, pool_files(self.run.pool)
        if there < wanted:
            raise MissingStage(f"{self.run.pool} has {there} of {wanted} files: run the stage `pool` first")
        mark_pool(self.run.pool, self.codec.basis, self.light.basis)
        return Source(Pool(self.run.pool), self.text, self.device)

    def network(self, spec: StudentSpec, stage: str) -> CausalTransformer:
        """A new network, the same in all processes."""
        seed_torch(self.recipe.seed, STAGES.index(stage))
        return CausalTransformer(spec).to(self.device, self.dtype)

    def trained(self, spec: StudentSpec, stage: str, part: str) -> CausalTransformer:
        """The averaged network `part` that `stage` has made."""
        network = self.network(spec, stage)
        fill_averages(network, self.run.load(stage)["optimisers"][part])
        return network

    def student(self, stages: tuple[str, ...]) -> tuple[CausalTransformer, str]:
        """The averaged student of the first of `stages` that has run, and which that is. Raises
        MissingStage.
        """
        for stage in stages:
            if self.run.has(stage):
                return self.trained(self.recipe.card.student, stage, "student"), stage
        raise MissingStage(f"there is no student in {self.run.folder}: run the stage `{stages[-1]}` first")


def load_components(codec: PocketCodec, components: dict[str, Tensor]) -> None:
    for name in COMPONENTS:
        getattr(codec, name).copy_(components[name])


@torch.no_grad()
def fill_averages(module: nn.Module, state: dict[str, Any]) -> None:
    """Puts the moving averages of a MasterOptimiser's state into its module. Raises MissingStage where
    they do not fit.
    """
    averages = state["averages"]
    for name, parameter in module.named_parameters():
        if name not in averages or averages[name].shape != parameter.shape:
            raise MissingStage(
                f"the checkpoint does not fit the recipe at {name}: train that stage again with --fresh"
            )
        parameter.copy_(averages[name])


@torch.no_grad()
def averaged(module: nn.Module, optimiser: MasterOptimiser) -> nn.Module:
    """A copy of `module` with the moving averages of its weights."""
    twin = copy.deepcopy(module)
    for name, parameter in twin.named_parameters():
        if name in optimiser.averages:
            parameter.copy_(optimiser.averages[name])
    return twin.eval().requires_grad_(False)


class Stage:
    """One stage: `update` does one step, and all that a step draws depends on its number alone."""

    name: ClassVar[str]
    on_pool: ClassVar[bool] = True  # learns from the pool, on top of codec and text encoder
    config: StageConfig

    def __init__(self, context: Context) -> None:
        self.context = context
        self.config = getattr(context.recipe, self.name)
        self.optimisers: dict[str, Any] = {}
        self.feed = ahead(self.draws, 0, 0)

    def begin(self, step: int) -> None:
        """Called once before the first update, which is number `step`.

        What is loaded late would draw random numbers for its first weights in the middle of a step: load it
        now.
        """
        if self.on_pool:
            _ = self.context.source
        self.feed = ahead(self.draws, step, self.context.recipe.loaders)

    def end(self) -> None:
        """Called once after the last update, or where one fails: nothing is drawn any more."""
        self.feed.close()

    def draws(self, step: int) -> list[Any]:
        """What step `step` needs of the pool: a Draw for each batch."""
        return []

    def update(self, step: int, progress: float) -> dict[str, float]:
        """One step, `progress` 0..1 of the run. Returns numbers for the log."""
        raise NotImplementedError

    def sheet(self, path: Path) -> None:
        """Writes a contact sheet, where the stage has something to show."""

    def state(self) -> dict[str, Any]:
        """All that a resumed training needs in addition to the step."""
        return {"optimisers": {name: to_cpu(o.state_dict()) for name, o in self.optimisers.items()}}

    def restore(self, state: dict[str, Any]) -> None:
        for name, optimiser in self.optimisers.items():
            optimiser.load_state_dict(state["optimisers"][name])

    def rng(self, step: int, *more: int) -> np.random.Generator:
        """This process's random numbers of a step."""
        return generator(
            self.context.recipe.seed, STAGES.index(self.name), 1 + self.context.workers.rank, step, *more
        )

    def shared_rng(self, step: int) -> np.random.Generator:
        """Random numbers that are the same in all processes."""
        return generator(self.context.recipe.seed, STAGES.index(self.name), 0, step)

    def factor(self, updates: int, progress: float) -> float:
        """What the rate is multiplied by after `updates` updates."""
        rise = min(1.0, (updates + 1) / self.config.warmup)
        return rise * (min(1.0, (1 - progress) / self.config.decay + FLOOR) if self.config.decay else 1.0)

    def apply(self, module: nn.Module, optimiser: MasterOptimiser, progress: float) -> float:
        """One update from the gradients in `module`. Returns their norm."""
        self.context.workers.average_gradients(module)
        return optimiser.step(self.factor(optimiser.steps, progress))


class SingleStage(Stage):
    """A stage that trains one network, called like the stage, apart from the pool."""

    on_pool = False

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        seed_torch(context.recipe.seed, STAGES.index(self.name))  # the same first weights in every process
        self.network = self.make().to(context.device, context.dtype)
        self.optimiser = MasterOptimiser(self.network, self.config.rate, self.config.ema)
        self.optimisers = {self.name: self.optimiser}

    def make(self) -> nn.Module:
        """The untrained network."""
        raise NotImplementedError
