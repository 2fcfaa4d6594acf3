"""The stage `pool`: clips rendered and encoded by processes of their own."""

from __future__ import annotations

import multiprocessing
import sys
import time
from functools import partial
from multiprocessing.process import BaseProcess
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from flowbrush.models.codecs.pocket import PocketCodec
from flowbrush.models.parent import end_with_parent
from flowbrush.training.config import Recipe
from flowbrush.training.parallel import cores
from flowbrush.training.pool import build_pool, mark_pool, pool_files
from flowbrush.training.run import Run
from flowbrush.training.stages.base import Context, load_components
from flowbrush.training.world.living import LivingWorld
from flowbrush.training.world.photos import Photos


class PoolFailed(RuntimeError):
    """A rendering process ended badly."""


def _process(recipe: Recipe, folder: Path, worker: int, workers: int) -> None:
    end_with_parent()
    _render(recipe, folder, worker, workers)


def _render(recipe: Recipe, folder: Path, worker: int, workers: int) -> None:
    torch.set_num_threads(1)
    run = Run(folder, writes=False)
    codec, light = PocketCodec(recipe.card.pocket_codec), PocketCodec(recipe.card.pocket_light)
    load_components(codec, run.load("codec")["components"])
    load_components(light, run.load("light")["components"])
    make = partial(LivingWorld, core_share=recipe.core_share, photos=load_photos(folder / "photos"))
    config, seed = recipe.pool, 1000 * (recipe.seed + 1)
    with torch.inference_mode():
        build_pool(
            folder / "pool",
            (codec, light),
            config.shards,
            config.clips,
            config.frames,
            seed,
            worker,
            workers,
            make,
        )


def load_photos(folder: Path) -> Photos | None:
    """The pictures of a folder, for backgrounds and bodies; None where there are none."""
    files = sorted(path for path in folder.glob("*") if path.suffix in (".jpg", ".png", ".webp"))
    if not files:
        return None
    pictures = []
    for path in files:
        with Image.open(path) as opened:
            pictures.append(torch.from_numpy(np.array(opened.convert("RGB"))).permute(2, 0, 1))
    return Photos(pictures)


class Rendering:
    """Processes that fill the pool of a run. Only the first process of a distributed training starts them."""

    def __init__(self, context: Context) -> None:
        self.context, self.started = context, time.monotonic()
        self.processes: list[BaseProcess] = []
        if not context.workers.first:
            return
        bases = (context.run.load(stage)["components"]["basis"] for stage in ("codec", "light"))
        mark_pool(context.run.pool, *bases)
        recipe = context.recipe
        missing = recipe.pool.shards - self.there()
        count = min(recipe.pool.workers or cores(), missing)
        spawn = multiprocessing.get_context("spawn")
        for worker in range(count):
            process = spawn.Process(
                target=_process, args=(recipe, context.run.folder, worker, count), daemon=True
            )
            process.start()
            self.processes.append(process)

    def there(self) -> int:
        return pool_files(self.context.run.pool)

    def wait(self) -> float:
        """Until the pool is whole. Returns the seconds since the start. Raises PoolFailed."""
        try:
            while any(process.is_alive() for process in self.processes):
                self._say()
                self.processes[0].join(1.0)
                self.processes.sort(key=lambda process: not process.is_alive())
        finally:
            self.stop()
        failed = [process.exitcode for process in self.processes if process.exitcode]
        if failed:
            raise PoolFailed(
                f"{len(failed)} of {len(self.processes)} rendering processes failed (exit code {failed[0]}): "
                "see their messages above"
            )
        self.context.workers.wait()
        return time.monotonic() - self.started

    def stop(self) -> None:
        for process in self.processes:
            if process.is_alive():
                process.terminate()
            process.join()

    def _say(self) -> None:
        if sys.stderr.isatty():
            sys.stderr.write(f"\r\x1b[2Kpool  {self.there()} of {self.context.recipe.pool.shards} files")
            sys.stderr.flush()
